#include "services/session/timers/timers.h"

#include <utility>

#include "services/session/timers/expirer.h"

namespace invigil::session {

// Declared in the order in which one uses the other.
struct Timers::Parts {
  Parts(redis::Client& client, DisciplinedClock& clock, const Clock& local, TimerHooks hooks,
        const TimersOptions& options)
      : stop_patience(options.stop_patience),
        index(client, options.index),
        clock_sync(client, clock, local, options.clock),
        expirer(clock, std::move(hooks.expire), options.max_in_flight),
        rebuilder(index, hooks.list, options.rebuilder),
        sweeper(
            clock, index, expirer, [this] { return clock_sync.Trusted(); },
            [this](int shard) { rebuilder.Request(shard); }, options.sweeper),
        reconciler(
            clock, hooks.list, expirer, [this] { return sweeper.Healthy(); },
            [this] { return clock_sync.Trusted(); }, options.reconciler) {}

  const Duration stop_patience;
  DeadlineIndex index;
  ClockSync clock_sync;
  Expirer expirer;
  Rebuilder rebuilder;
  Sweeper sweeper;
  Reconciler reconciler;
};

Timers::Timers(redis::Client& client, DisciplinedClock& clock, const Clock& local, TimerHooks hooks,
               TimersOptions options)
    : parts_(std::make_unique<Parts>(client, clock, local, std::move(hooks), options)) {}

Timers::~Timers() { Stop(); }

void Timers::Start() {
  parts_->clock_sync.Start();
  parts_->sweeper.Start();
  parts_->reconciler.Start();
}

void Timers::Stop() {
  parts_->reconciler.Stop();
  parts_->sweeper.Stop();
  parts_->rebuilder.Stop();
  parts_->expirer.Close(parts_->stop_patience);
  parts_->clock_sync.Stop();
}

void Timers::Schedule(const SessionId& session, Time deadline) {
  parts_->index.Schedule(session, deadline);
}
void Timers::Remove(const SessionId& session, Time was) { parts_->index.Remove(session, was); }
bool Timers::ClockTrusted() const { return parts_->clock_sync.Trusted(); }
bool Timers::IndexHealthy() const { return parts_->sweeper.Healthy(); }

}  // namespace invigil::session
