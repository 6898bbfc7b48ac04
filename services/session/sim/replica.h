// One session service in a simulated suite: the real cache, transactor, batch settling, expirer and
// the real decisions of timers, clock and relay, driven step by step from the agenda instead of by
// threads. Everything in memory is in a Life and ends with it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "services/session/engine/session_cache.h"
#include "services/session/engine/settle.h"
#include "services/session/engine/transactor.h"
#include "services/session/relay/relay_plan.h"
#include "services/session/sim/checker.h"
#include "services/session/sim/faults.h"
#include "services/session/sim/index.h"
#include "services/session/sim/store.h"
#include "services/session/timers/clock_guard.h"
#include "services/session/timers/decisions.h"
#include "services/session/timers/expirer.h"

namespace invigil::session::sim {

struct World;

using Result = absl::StatusOr<Outcome>;
using Handler = absl::AnyInvocable<void(const Result&)>;

// A machine's own clocks, by true time.
class MachineClock final : public Clock {
 public:
  MachineClock(const Agenda& agenda, Duration wall_error)
      : wall_error(wall_error), agenda_(agenda) {}
  Time Now() const override { return agenda_.now() + wall_error; }
  Duration Monotonic() const override { return agenda_.now() - kBegin; }
  Duration wall_error;

 private:
  const Agenda& agenda_;
};

class Replica final : public Surroundings, private BatchObserver {
 public:
  Replica(World& world, int number);
  ~Replica() override;

  void Boot();
  void Kill(const char* why);
  // Its processes stand still until then, as under SIGSTOP.
  void FreezeUntil(Time until) { frozen_until_ = until; }
  void SetWallError(Duration error) { machine_.wall_error = error; }
  bool up() const { return life_ != nullptr; }
  // Its clock minus true time.
  Duration ClockError() const;

  // A request from outside. `handler` gets the answer if there is one.
  void Receive(Ask ask, Handler handler);
  // Takes its next batch now, if it can: another replica's transaction stands in the middle.
  bool WriteNow();

  void Pass(AwaitPoint point) override;
  bool Roll(double chance) override;
  void OtherWriterFirst() override;
  void Durable(const std::vector<Appended>& appended) override;

 private:
  struct Batch;
  struct Life;
  struct Load;

  // Wraps what this life will do later; it does nothing in the next.
  template <typename F>
  Agenda::Task Mine(F f);
  template <typename F>
  void Guarded(F f);

  void Enqueue(Ask ask, Handler handler);
  void Begin(const Result& reserved, const std::string& candidate, Handler handler);
  void PlanWrite();
  void Write();
  void GiveOut(Batch& batch);
  void AnswerEarly();
  void Trying(std::span<Job> jobs) override { trying_ = jobs; }
  void Committed(std::span<Job> jobs, Duration decided, Duration duration) override;
  void LostRace() override;
  void StoreFailed(std::span<Job> jobs, const absl::Status& status) override;

  // timers.cc
  template <typename R>
  void Redis(std::function<R(Index&, Time server_now)> effect,
             std::function<void(absl::StatusOr<R>)> done);
  void StartTimers();
  void Sweep();
  void Claimed(absl::StatusOr<std::vector<Index::ClaimResult>> results);
  void Settle(const Index::Claimed& claimed, const absl::Status& status);
  void Look();
  void AskTime();
  void RequestRebuild(int shard);
  void Rebuild();
  void LoadNext(std::shared_ptr<Load> load);
  void FinishLoad(std::shared_ptr<Load> load);

  // relaying.cc
  void ScanOutbox();
  void Send(RelayPlan::Key key);
  void Score(RelayPlan::Key key, std::shared_ptr<const State> state);
  void Ended(RelayPlan::Key key, const absl::Status& status);

  World& world_;
  const int number_;
  MachineClock machine_;
  Time frozen_until_ = kBegin;
  uint64_t lives_ = 0;
  std::unique_ptr<Life> life_;
  std::span<Job> trying_;
};

}  // namespace invigil::session::sim
