// Which entry of the outbox is tried when: free of threads, for the relay and the simulator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "services/session/domain/session.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

struct RelayBackoff {
  Duration min{0}, max{0};  // between tries of one session; doubles from one to the other
};

// Whether a session read back still waits for the score of that seal.
inline bool AwaitsScore(const State& state, uint32_t attempt_version) {
  return state.sealed() && state.attempt_version == attempt_version && state.score_version == 0;
}

// Times are on the monotonic clock. One thread at a time.
class RelayPlan {
 public:
  using Key = std::pair<SessionId, uint32_t>;  // a session and its attempt version

  RelayPlan(size_t in_flight, RelayBackoff backoff) : in_flight_(in_flight), backoff_(backoff) {}

  // Whether to try `key` now; it is then in flight until Ended. `at_once`: somebody waits for it,
  // so only its own backoff counts.
  bool Take(const Key& key, bool at_once, Duration now);

  // Whatever it waits for, it may be tried now: somebody has mended what was wrong.
  void Forgive(const Key& key) { failing_.erase(key); }

  struct Verdict {
    bool tell = true;  // worth a line in the log
    Duration wait{0};  // until it is tried again; zero when it ended well
  };
  // How a try ended. OK also when there was nothing left to do.
  Verdict Ended(const Key& key, const absl::Status& status, Duration now);

  // A pass through the outbox is over: what fails and was met in none of the last two is forgotten,
  // because another replica delivered it.
  void PassOver();

  bool Full() const { return out_.size() >= in_flight_; }
  size_t failing() const { return failing_.size(); }

 private:
  struct Backoff {
    Duration wait{0};
    Duration until{0};
    uint64_t pass = 0;  // in which it was last met
  };
  Duration Longer(Duration before) const;

  const size_t in_flight_;
  const RelayBackoff backoff_;
  std::map<Key, Backoff> failing_;
  absl::flat_hash_set<Key> out_;
  uint64_t pass_ = 0;
  Backoff away_;  // scoring as a whole
};

}  // namespace invigil::session
