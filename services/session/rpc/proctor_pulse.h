// When each candidate was last heard of, by this replica. In memory only: 24 bytes a session, and
// never a write.
#pragma once

#include <array>
#include <mutex>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "common/base/time.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

// Thread-safe. Times are monotonic.
class Pulse {
 public:
  void Beat(const SessionId& session, Duration now) {
    Shard& shard = ShardOf(session);
    const std::lock_guard lock(shard.mutex);
    shard.last[session] = now;
  }
  void Forget(const SessionId& session) {
    Shard& shard = ShardOf(session);
    const std::lock_guard lock(shard.mutex);
    shard.last.erase(session);
  }
  // Unless it was heard of since `last`.
  void ForgetIf(const SessionId& session, Duration last) {
    Shard& shard = ShardOf(session);
    const std::lock_guard lock(shard.mutex);
    const auto it = shard.last.find(session);
    if (it != shard.last.end() && it->second == last) shard.last.erase(it);
  }
  // nullopt: not heard of here.
  std::optional<Duration> Last(const SessionId& session) const {
    const Shard& shard = ShardOf(session);
    const std::lock_guard lock(shard.mutex);
    const auto it = shard.last.find(session);
    if (it == shard.last.end()) return std::nullopt;
    return it->second;
  }
  // Forgets whom nobody heard of since `oldest`: sessions that ended elsewhere.
  void Purge(Duration oldest) {
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      absl::erase_if(shard.last, [&](const auto& entry) { return entry.second < oldest; });
    }
  }

 private:
  // Shards keep the engine's writer and the roster out of each other's way.
  struct Shard {
    mutable std::mutex mutex;
    absl::flat_hash_map<SessionId, Duration> last;
  };
  static constexpr size_t kShards = 16;
  static size_t IndexOf(const SessionId& session) {
    return static_cast<unsigned char>(session.bytes().back()) % kShards;
  }
  Shard& ShardOf(const SessionId& session) { return shards_[IndexOf(session)]; }
  const Shard& ShardOf(const SessionId& session) const { return shards_[IndexOf(session)]; }

  std::array<Shard, kShards> shards_;
};

}  // namespace invigil::session
