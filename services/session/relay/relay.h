// Carries sealed sessions to scoring and their scores back: at least once, whatever dies.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/telemetry/trace.h"
#include "services/session/engine/session_engine.h"
#include "services/session/relay/relay_plan.h"

namespace invigil::session {

// What a score came to: version and report as the session keeps them.
struct ScoredReport {
  uint32_t score_version = 0;
  std::shared_ptr<const std::string> report;  // serialised GetScoreReportResponse
};

// Asks scoring; calls back once, on any thread. Must not block.
using ScoreSession = std::function<void(
    const SessionId& session, const std::shared_ptr<const State>& state,
    const telemetry::TraceContext& trace, std::function<void(absl::StatusOr<ScoredReport>)> done)>;

struct RelayOptions {
  // Looks at the outbox at least this often: finds what other replicas sealed and left, and what
  // was waiting when this one started.
  Duration scan_every = Seconds(2);
  int in_flight = 64;
  // Between tries of one session; doubles up to the limit and starts over when scoring answers
  // again.
  Duration min_backoff = Millis(200), max_backoff = Seconds(10);
  // Sealed and unscored for longer is counted in invigil_session_unscored_overdue and logged.
  Duration alarm_after = Minutes(1);
  // Entries read in one go; a longer outbox is looked at a stretch at a time.
  size_t look_at = 1000;
  // Asked before every look and kick: whether this replica's clock may judge sessions, which every
  // read of one does. Empty: always.
  std::function<bool()> may_judge;
};

// One thread reads the outbox; scoring is asked with some sessions in flight; a score is recorded
// and released through the engine, which takes the outbox entry out in the same commit. An entry
// that scoring refuses for good stays, is tried at the longest interval, and is logged: never
// dropped. While scoring is away the outbox waits as a whole; new kicks still try. Several relays
// on one database only repeat each other's work: scoring and recording are idempotent.
class Relay {
 public:
  // `engine` and `clock` outlive it.
  Relay(SessionEngine& engine, ScoreSession score, const Clock& clock, RelayOptions options = {});
  // Stops and waits for the reply being worked on; later ones are dropped (their entries are still
  // in the outbox).
  ~Relay();
  // Takes this one at once, without waiting for the next look at the outbox. Any thread; never
  // blocks.
  void Kick(const SessionId& session, uint32_t attempt_version,
            const telemetry::TraceContext& trace);
  // The same, also when it has failed before and would wait for its next try.
  void Retry(const SessionId& session, uint32_t attempt_version,
             const telemetry::TraceContext& trace);

 private:
  using Key = RelayPlan::Key;
  // What was looked at in one go.
  struct Stretch {
    std::optional<OutboxEntry> last;
    bool failed = false;  // it could not be read
    bool at_end = false;  // of the outbox
    bool full = false;    // enough are in flight; some may not have been taken
    size_t seen = 0, taken = 0, overdue = 0;
  };
  struct Kicked;
  struct Shared;  // outlives the relay for replies still out
  void Loop();
  // true: there is more to be done right away.
  bool Scan();
  Stretch Look(std::optional<OutboxEntry> after, bool stop_when_full);
  bool Full() const;
  bool Take(const Key& key, bool at_once);
  void Forget();
  void Send(const Key& key, const telemetry::TraceContext& trace);
  static void Ended(Shared& shared, const Key& key, const absl::Status& status);

  SessionEngine& engine_;
  const ScoreSession score_;
  const Clock& clock_;
  const RelayOptions options_;
  const std::shared_ptr<Shared> shared_;
  std::optional<OutboxEntry> behind_;  // the thread's: where the stretch after the oldest goes on
  std::thread thread_;
};

}  // namespace invigil::session
