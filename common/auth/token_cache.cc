#include "common/auth/token_cache.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"

namespace invigil::auth {
namespace {

constexpr size_t kMaxShards = 32;

}  // namespace

TokenCache::TokenCache(size_t entries) : shards_(std::clamp<size_t>(entries, 1, kMaxShards)) {
  for (size_t i = 0; i < shards_.size(); ++i) {
    shards_[i].capacity = entries / shards_.size() + (i < entries % shards_.size() ? 1 : 0);
  }
}

TokenCache::Key TokenCache::KeyOf(std::string_view token) {
  const absl::string_view view(token.data(), token.size());
  return {absl::Hash<absl::string_view>()(view), view};
}

TokenCache::Shard& TokenCache::ShardOf(const Key& key) {
  // The upper half: the map itself places by the lower bits.
  return shards_[(key.hash >> 32) % shards_.size()];
}

std::shared_ptr<const VerifiedToken> TokenCache::Find(std::string_view token) {
  const Key key = KeyOf(token);
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto it = shard.index.find(key);
  if (it == shard.index.end()) return nullptr;
  shard.entries.splice(shard.entries.begin(), shard.entries, it->second);
  return it->second->verified;
}

void TokenCache::Insert(std::string_view token, std::shared_ptr<const VerifiedToken> verified) {
  const Key key = KeyOf(token);
  Shard& shard = ShardOf(key);
  std::list<Entry> entry;  // made, and the evicted one freed, outside the lock
  entry.push_back({std::string(token), std::move(verified)});
  std::list<Entry> evicted;
  const std::lock_guard lock(shard.mutex);
  if (shard.capacity == 0) return;
  if (const auto it = shard.index.find(key); it != shard.index.end()) {
    std::swap(it->second->verified, entry.front().verified);
    return;
  }
  if (shard.entries.size() >= shard.capacity) {
    shard.index.erase(KeyOf(shard.entries.back().token));
    evicted.splice(evicted.begin(), shard.entries, std::prev(shard.entries.end()));
  }
  shard.entries.splice(shard.entries.begin(), entry);
  const std::string& kept = shard.entries.front().token;
  shard.index.emplace(Key{key.hash, absl::string_view(kept)}, shard.entries.begin());
}

void TokenCache::Erase(std::string_view token) {
  const Key key = KeyOf(token);
  Shard& shard = ShardOf(key);
  std::list<Entry> erased;
  const std::lock_guard lock(shard.mutex);
  const auto it = shard.index.find(key);
  if (it == shard.index.end()) return;
  const auto entry = it->second;
  shard.index.erase(it);
  erased.splice(erased.begin(), shard.entries, entry);
}

size_t TokenCache::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    size += shard.entries.size();
  }
  return size;
}

}  // namespace invigil::auth
