// Ends every session on its deadline, with nobody connected and whatever happens to Redis. The only
// header the rest of the session service needs.
#pragma once

#include <functional>
#include <memory>

#include "common/base/clock.h"
#include "common/redis/client.h"
#include "services/session/timers/clock_sync.h"
#include "services/session/timers/deadline_index.h"
#include "services/session/timers/hooks.h"
#include "services/session/timers/rebuilder.h"
#include "services/session/timers/reconciler.h"
#include "services/session/timers/sweeper.h"

namespace invigil::session {

struct TimersOptions {
  DeadlineIndexOptions index;
  SweeperOptions sweeper;
  ReconcilerOptions reconciler;
  RebuilderOptions rebuilder;
  ClockSyncOptions clock;
  // Sessions being ended at a time. The expire hook must be able to queue as many.
  int max_in_flight = 2048;
  // How long Stop waits for answers of the expire hook.
  Duration stop_patience = Seconds(5);
};

// Schedule and Remove: any thread, never block, may be called before Start and after Stop.
class Timers {
 public:
  // `client`, `clock` and `local` (the clock that `clock` was made on) outlive this, and what the
  // hooks use outlives Stop.
  Timers(redis::Client& client, DisciplinedClock& clock, const Clock& local, TimerHooks hooks,
         TimersOptions options = {});
  // Stops.
  ~Timers();

  void Start();
  // Ends nothing more. Waits for answers of the expire hook for a few seconds at most; later ones
  // are ignored. Stop this before the engine. Safe to call twice.
  void Stop();

  // The session runs until `deadline`. Call after every commit that sets or moves it.
  void Schedule(const SessionId& session, Time deadline);
  // The session has ended or is paused; it was to run until `was`. A newer Schedule stands, also
  // one of another replica.
  void Remove(const SessionId& session, Time was);

  // For readiness: false while this replica's clock may be wrong. Then it ends no exams either.
  bool ClockTrusted() const;
  // Redis tells deadlines; while false, the database scan does it alone. No reason to be unready.
  bool IndexHealthy() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace invigil::session
