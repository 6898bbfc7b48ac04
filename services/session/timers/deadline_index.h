#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/redis/client.h"
#include "services/session/timers/hooks.h"

namespace invigil::session {

struct DeadlineIndexOptions {
  // Before every key, so that several suites can share a Redis. No braces.
  std::string prefix;
  // The same in all replicas. It is part of every key: with another number the index is simply
  // empty and gets rebuilt.
  int shards = 64;
  // Of one command.
  Duration timeout = Millis(500);
};

// When which session ends, in Redis: a hint that makes ending on time cheap. The truth is in the
// database, and losing all of this costs nothing but a rebuild.
//
// A shard n is two keys with one hash tag: z:{n/shards}, a sorted set of 16-byte ids with the time
// of the next attempt in milliseconds as score, and g:{n/shards}, its generation. No generation:
// the shard's content can't be relied on (flushed, empty failover, new node), claims answer
// `rebuild`. A generation belongs to one run of one server: a promoted replica or a restarted
// server may lack the last writes, so claims there answer `stale` until the shard is loaded anew.
//
// Thread-safe; never blocks; callbacks run on the client's thread. `client` outlives this, and this
// outlives its callbacks.
class DeadlineIndex {
 public:
  using Done = std::function<void(absl::Status)>;

  DeadlineIndex(redis::Client& client, DeadlineIndexOptions options);

  // The session's clock runs until `deadline`; replaces what was known. A failure is no harm: the
  // reconciler ends the session then.
  void Schedule(const SessionId& session, Time deadline, Done done = {});
  // The timer for `was` is needed no more. Does nothing when the session has another by now, or is
  // claimed: replicas' commands come in any order, and what came later stands. What stays behind is
  // claimed once, needlessly.
  void Remove(const SessionId& session, Time was, Done done = {});

  // One due session, ours until the lease ends.
  struct Claimed {
    SessionId session;
    Time due{};  // the score it had: its deadline, or the end of an earlier lease
    int shard = 0;
    int64_t lease_ms = 0;
  };
  struct ClaimResult {
    bool rebuild = false;  // the shard has no generation: nothing was claimed
    bool stale = false;    // its generation is another server's: what is there was claimed
    bool loading = false;  // a rebuild is going on: there may be due sessions not loaded yet
    std::vector<Claimed> due;
  };
  // Takes up to `limit` sessions of a shard that are due at `now`, most overdue first, and moves
  // each one's score to now + lease, all in one step: whoever fails to settle it in that time loses
  // it to the next claim, and nobody has to find out that he died.
  void Claim(int shard, Time now, int limit, Duration lease,
             std::function<void(absl::StatusOr<ClaimResult>)> done);
  // Gives up a claim: removed for good, or due again at `next`. Does nothing when the lease was
  // lost or the session scheduled anew meanwhile: what came later stands.
  void Settle(const Claimed& claimed, std::optional<Time> next, Done done = {});

  // Rebuilding. A loader takes a shard without a generation of this server (true: it is his), loads
  // it in batches, renews his hold before `ttl` passes, and finishes, which makes the generation.
  // False: he does not hold the shard.
  struct Hold {
    std::string server;  // where the load began; a generation made elsewhere would be stale at once
    std::string token;
  };
  using Held = std::function<void(absl::StatusOr<bool>)>;
  Hold NewHold() const;
  void BeginLoad(int shard, const Hold& hold, Duration ttl, Held done);
  void RenewLoad(int shard, const Hold& hold, Duration ttl, Held done);
  void FinishLoad(int shard, const Hold& hold, Held done);
  // Adds those that are not there; what a Schedule wrote meanwhile is newer and stands.
  void Load(int shard, const std::vector<Timer>& timers, Done done);

  int shards() const { return options_.shards; }
  int ShardOf(const SessionId& session) const;

 private:
  std::string Key(char kind, int shard) const;
  // Moves a timer to `next`, or takes it out, if it is at `score`.
  void Settle(int shard, const SessionId& session, std::string score, std::optional<Time> next,
              Done done);

  redis::Client& client_;
  const DeadlineIndexOptions options_;
};

}  // namespace invigil::session
