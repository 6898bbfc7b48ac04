#include "services/session/engine/session_cache.h"

#include <algorithm>
#include <utility>

namespace invigil::session {

SessionCache::SessionCache(size_t capacity)
    : capacity_per_shard_(std::max<size_t>(1, capacity / kShards)) {}

SessionCache::Shard& SessionCache::ShardOf(const SessionId& session) {
  // The last bytes of an id are random, the first are its time.
  return shards_[static_cast<uint8_t>(session.bytes().back()) % kShards];
}
const SessionCache::Shard& SessionCache::ShardOf(const SessionId& session) const {
  return shards_[static_cast<uint8_t>(session.bytes().back()) % kShards];
}

SessionCache::Found SessionCache::Find(const SessionId& session) {
  Shard& shard = ShardOf(session);
  const std::lock_guard lock(shard.mutex);
  const auto it = shard.index.find(session);
  if (it == shard.index.end()) return {};
  shard.entries.splice(shard.entries.begin(), shard.entries, it->second);
  return {it->second->state, it->second->generation};
}

void SessionCache::Put(const SessionId& session, std::shared_ptr<const State> state,
                       uint64_t generation) {
  Shard& shard = ShardOf(session);
  // Freed outside the lock: the last reference to a state may take a form along.
  std::shared_ptr<const State> old;
  std::list<Entry> evicted;
  const std::lock_guard lock(shard.mutex);
  const auto it = shard.index.find(session);
  if (it == shard.index.end()) {
    Insert(shard, {session, std::move(state), generation}, evicted);
    return;
  }
  old = std::exchange(it->second->state, std::move(state));
  it->second->generation = generation;
  shard.entries.splice(shard.entries.begin(), shard.entries, it->second);
}

void SessionCache::Insert(Shard& shard, Entry entry, std::list<Entry>& evicted) {
  shard.entries.push_front(std::move(entry));
  shard.index[shard.entries.front().session] = shard.entries.begin();
  if (shard.entries.size() > capacity_per_shard_) {
    shard.index.erase(shard.entries.back().session);
    evicted.splice(evicted.begin(), shard.entries, std::prev(shard.entries.end()));
  }
}

uint64_t SessionCache::Drops(const SessionId& session) const {
  const Shard& shard = ShardOf(session);
  const std::lock_guard lock(shard.mutex);
  return shard.drops;
}

void SessionCache::PutAhead(const SessionId& session, std::shared_ptr<const State> state,
                            uint64_t drops) {
  Shard& shard = ShardOf(session);
  std::list<Entry> evicted;
  const std::lock_guard lock(shard.mutex);
  if (shard.drops != drops || shard.index.contains(session)) return;
  Insert(shard, {session, std::move(state), 0}, evicted);
}

void SessionCache::Drop(const SessionId& session) {
  Shard& shard = ShardOf(session);
  const std::lock_guard lock(shard.mutex);
  ++shard.drops;
  const auto it = shard.index.find(session);
  if (it == shard.index.end()) return;
  shard.entries.erase(it->second);
  shard.index.erase(it);
}

std::shared_ptr<const State> SessionCache::Peek(const SessionId& session) const {
  const Shard& shard = ShardOf(session);
  const std::lock_guard lock(shard.mutex);
  const auto it = shard.index.find(session);
  return it == shard.index.end() ? nullptr : it->second->state;
}

}  // namespace invigil::session
