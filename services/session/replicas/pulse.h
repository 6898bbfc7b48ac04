// When each candidate was last heard of, and how much their device had not saved then: by this
// replica, and as others tell (pulse_share.h). In memory only, and never a write.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/time.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

// Thread-safe. Times are this machine's monotonic ones.
class Pulse {
 public:
  struct Sign {
    Duration at{0};
    uint16_t unsaved = 0;  // changes the device held that were not acknowledged, as it counted
    friend bool operator==(const Sign&, const Sign&) = default;
  };
  static constexpr size_t kShards = 16;

  // The candidate did something, or has a stream open. `unsaved`: nullopt leaves what was told
  // last.
  void Beat(const SessionId& session, Duration now, std::optional<uint32_t> unsaved) {
    Shard& shard = ShardOf(session);
    const std::lock_guard lock(shard.mutex);
    Sign& sign = shard.own[session];
    sign.at = now;
    if (unsaved) sign.unsaved = static_cast<uint16_t>(std::min<uint32_t>(*unsaved, UINT16_MAX));
  }
  // What another replica saw.
  void Hear(const SessionId& session, const Sign& sign) {
    Shard& shard = ShardOf(session);
    const std::lock_guard lock(shard.mutex);
    Sign& held = shard.others.try_emplace(session, sign).first->second;
    if (held.at <= sign.at) held = sign;
  }
  // Unless it was heard of since `last`.
  void ForgetIf(const SessionId& session, Duration last) {
    Shard& shard = ShardOf(session);
    const std::lock_guard lock(shard.mutex);
    for (Signs* signs : {&shard.own, &shard.others}) {
      const auto it = signs->find(session);
      if (it != signs->end() && it->second.at <= last) signs->erase(it);
    }
  }
  // The newest sign of life; nullopt: there was none.
  std::optional<Sign> Last(const SessionId& session) const {
    const Shard& shard = ShardOf(session);
    const std::lock_guard lock(shard.mutex);
    std::optional<Sign> last;
    for (const Signs* signs : {&shard.own, &shard.others}) {
      const auto it = signs->find(session);
      if (it != signs->end() && (!last || it->second.at > last->at)) last = it->second;
    }
    return last;
  }
  // Forgets whom nobody heard of since `oldest`: sessions that ended elsewhere.
  void Purge(Duration oldest) {
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      for (Signs* signs : {&shard.own, &shard.others}) {
        absl::erase_if(*signs, [&](const auto& entry) { return entry.second.at < oldest; });
      }
    }
  }
  // What this replica saw itself since `oldest`, of one shard.
  std::vector<std::pair<SessionId, Sign>> Own(size_t index, Duration oldest) const {
    std::vector<std::pair<SessionId, Sign>> own;
    const Shard& shard = shards_[index];
    const std::lock_guard lock(shard.mutex);
    own.reserve(shard.own.size());
    for (const auto& [session, sign] : shard.own) {
      if (sign.at >= oldest) own.emplace_back(session, sign);
    }
    return own;
  }

 private:
  using Signs = absl::flat_hash_map<SessionId, Sign>;
  // Shards keep the engine's writer and the roster out of each other's way.
  struct Shard {
    mutable std::mutex mutex;
    Signs own, others;
  };
  static size_t IndexOf(const SessionId& session) {
    return static_cast<unsigned char>(session.bytes().back()) % kShards;
  }
  Shard& ShardOf(const SessionId& session) { return shards_[IndexOf(session)]; }
  const Shard& ShardOf(const SessionId& session) const { return shards_[IndexOf(session)]; }

  std::array<Shard, kShards> shards_;
};

}  // namespace invigil::session
