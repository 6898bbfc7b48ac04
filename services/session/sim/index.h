// Redis of a simulated suite: the deadline index with the meaning of the scripts in
// timers/deadline_index.cc, and a clock. It forgets, falls back to an older copy and goes away.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/session/sim/faults.h"
#include "services/session/timers/hooks.h"

namespace invigil::session::sim {

class Index {
 public:
  static constexpr int kShards = 2;
  static int ShardOf(const SessionId& session) {
    return static_cast<uint8_t>(session.bytes().back()) % kShards;
  }

  struct Claimed {
    SessionId session;
    Time due{};
    int64_t lease_ms = 0;
  };
  struct ClaimResult {
    bool rebuild = false, loading = false;
    std::vector<Claimed> due;
  };

  void Schedule(const SessionId& session, Time deadline) {
    ShardWith(session).scores[session] = Score(deadline);
  }
  void Remove(const SessionId& session, Time was) {
    auto& scores = ShardWith(session).scores;
    const auto it = scores.find(session);
    if (it != scores.end() && it->second == Score(was)) scores.erase(it);
  }

  ClaimResult Claim(int number, Time now, size_t limit, Duration lease, Time server_now) {
    Shard& shard = Current(number, server_now);
    ClaimResult result;
    if (shard.generation.empty()) {
      result.rebuild = true;
      return result;
    }
    const int64_t lease_ms = ToUnixMillis(now) + lease.count() / 1000;
    std::vector<std::pair<int64_t, SessionId>> due;
    for (const auto& [session, score] : shard.scores) {
      if (score <= ToUnixMillis(now)) due.emplace_back(score, session);
    }
    std::sort(due.begin(), due.end());
    if (due.size() > limit) due.resize(limit);
    for (const auto& [score, session] : due) {
      result.due.push_back({session, FromUnixMicros(score * 1000), lease_ms});
      shard.scores[session] = lease_ms;
    }
    result.loading = shard.generation.starts_with("loading");
    return result;
  }

  void Settle(const Claimed& claimed, std::optional<Time> next) {
    auto& scores = ShardWith(claimed.session).scores;
    const auto it = scores.find(claimed.session);
    if (it == scores.end() || it->second != claimed.lease_ms) return;
    if (next) {
      it->second = Score(*next);
    } else {
      scores.erase(it);
    }
  }

  bool BeginLoad(int number, const std::string& token, Duration ttl, Time server_now) {
    Shard& shard = Current(number, server_now);
    if (!shard.generation.empty()) return false;
    shard.generation = "loading:" + token;
    shard.lapses = server_now + ttl;
    return true;
  }
  bool RenewLoad(int number, const std::string& token, Duration ttl, Time server_now) {
    Shard& shard = Current(number, server_now);
    if (shard.generation != "loading:" + token) return false;
    shard.lapses = server_now + ttl;
    return true;
  }
  bool FinishLoad(int number, const std::string& token, Time server_now) {
    Shard& shard = Current(number, server_now);
    if (shard.generation != "loading:" + token) return false;
    shard.generation = "ready:" + token;
    shard.lapses.reset();
    return true;
  }
  void Load(const Timer& timer) {
    ShardWith(timer.session).scores.emplace(timer.session, Score(timer.deadline));
  }

  // Faults.
  bool up = true;
  Duration clock_offset{0};  // its TIME minus true time
  void Flush() { shards_ = std::vector<Shard>(kShards); }
  // A replica that lags from now on, and its promotion.
  void TakeCopy() { copy_ = shards_; }
  void FailOver() { shards_ = copy_; }

  bool Has(const SessionId& session) const {
    return shards_[static_cast<size_t>(ShardOf(session))].scores.contains(session);
  }

 private:
  struct Shard {
    std::map<SessionId, int64_t> scores;
    std::string generation;  // empty: none
    std::optional<Time> lapses;
  };
  // Up, as the real index rounds.
  static int64_t Score(Time t) { return (ToUnixMicros(t) + 999) / 1000; }
  Shard& ShardWith(const SessionId& session) {
    return shards_[static_cast<size_t>(ShardOf(session))];
  }
  Shard& Current(int number, Time server_now) {
    Shard& shard = shards_[static_cast<size_t>(number)];
    if (shard.lapses && *shard.lapses <= server_now) {
      shard.generation.clear();
      shard.lapses.reset();
    }
    return shard;
  }

  std::vector<Shard> shards_ = std::vector<Shard>(kShards);
  std::vector<Shard> copy_ = std::vector<Shard>(kShards);
};

}  // namespace invigil::session::sim
