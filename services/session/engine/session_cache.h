// Folded sessions in memory: what the writer last committed or read. Bounded; the longest untouched
// go first. The writer changes it, and what reads ahead adds what is not there; any thread may
// look.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "absl/container/flat_hash_map.h"
#include "services/session/domain/session.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

class SessionCache {
 public:
  explicit SessionCache(size_t capacity);

  struct Found {
    std::shared_ptr<const State> state;  // null: not here
    // Of the log, when the state was last known to be the newest. 0: never: it was read ahead, on
    // another connection, and events may have followed.
    uint64_t generation = 0;
  };
  // Counts as a touch.
  Found Find(const SessionId& session);
  void Put(const SessionId& session, std::shared_ptr<const State> state, uint64_t generation);
  void Drop(const SessionId& session);
  // For what was read ahead: `drops` as Drops gave it before the reading. Does nothing when the
  // session is here, or anything was dropped meanwhile: it may have been for what was read.
  uint64_t Drops(const SessionId& session) const;
  void PutAhead(const SessionId& session, std::shared_ptr<const State> state, uint64_t drops);
  // Doesn't count as a touch.
  std::shared_ptr<const State> Peek(const SessionId& session) const;

 private:
  struct Entry {
    SessionId session;
    std::shared_ptr<const State> state;
    uint64_t generation;
  };
  // Shards keep lookers out of the writer's way.
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // newest touch first
    absl::flat_hash_map<SessionId, std::list<Entry>::iterator> index;
    uint64_t drops = 0;
  };
  // Of a new session; requires the shard's lock. What has to go for it is moved to `evicted`.
  void Insert(Shard& shard, Entry entry, std::list<Entry>& evicted);
  static constexpr size_t kShards = 16;
  Shard& ShardOf(const SessionId& session);
  const Shard& ShardOf(const SessionId& session) const;

  const size_t capacity_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace invigil::session
