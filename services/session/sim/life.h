// What a replica has in memory. Included by the files of Replica alone.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/session/engine/timer_news.h"
#include "services/session/relay/relay.h"
#include "services/session/sim/replica.h"
#include "services/session/sim/world.h"
#include "services/session/timers/clock_sync.h"
#include "services/session/timers/rebuilder.h"
#include "services/session/timers/reconciler.h"
#include "services/session/timers/sweeper.h"

namespace invigil::session::sim {

struct Replica::Batch {
  std::vector<Job> jobs;
  std::vector<Ticket> tickets;
  std::vector<Handler> handlers;
  std::vector<std::pair<SessionId, TimerNews>> timers;
  std::vector<RelayPlan::Key> kicks;  // sealed by a candidate who waits for the score
};

struct Replica::Load {
  std::string token;
  std::set<int> mine;
  std::optional<Timer> after;
};

struct Replica::Life {
  Life(Replica& replica, World& world, uint64_t number)
      : number(number),
        clock(replica.machine_),
        trust(clock, replica.machine_),
        log(world.store, world.plan, replica),
        cache(16),  // few, so that some are folded anew from the log
        transactor(log, cache, [&world](Time) { return world.NextId(); }),
        expirer(
            clock,
            [&replica](const SessionId& session, ExpireDone done) {
              replica.Enqueue({.kind = Kind::kExpire, .session = session},
                              [done = std::move(done)](const Result& result) {
                                done(ExpireAnswer(result.status()));
                              });
            },
            TimersInFlight()),
        pace(ReconcilerOptions{}.period, ReconcilerOptions{}.urgent_period),
        relay(static_cast<size_t>(RelayOptions{}.in_flight),
              {RelayOptions{}.min_backoff, RelayOptions{}.max_backoff}) {}
  ~Life() { expirer.Close(Duration(0)); }

  static int TimersInFlight() { return 16; }

  const uint64_t number;
  DisciplinedClock clock;
  ClockTrust trust;
  SimEventLog log;
  SessionCache cache;
  Transactor transactor;
  Expirer expirer;
  SweepHealth health;
  ScanPace pace;
  RelayPlan relay;

  Batch waiting;  // not taken yet
  Batch batch;    // the writer's
  bool writing = false, write_planned = false;
  Time answers_at = kBegin;  // batches are given out in order
  Time redis_at = kBegin;    // commands reach Redis in order
  std::set<int> rebuild;     // shards
  bool rebuilding = false;
};

template <typename F>
void Replica::Guarded(F f) {
  const uint64_t number = life_->number;
  try {
    f();
  } catch (const Crash& crash) {
    if (life_ && life_->number == number) Kill(kAwaitNames[static_cast<size_t>(crash.at)]);
  }
}

template <typename F>
Agenda::Task Replica::Mine(F f) {
  return [this, number = life_->number, f = std::move(f)]() mutable {
    if (!life_ || life_->number != number) return;
    if (world_.agenda.now() < frozen_until_) {
      world_.agenda.At(frozen_until_, Mine(std::move(f)));
      return;
    }
    Guarded(std::move(f));
  };
}

template <typename R>
void Replica::Redis(std::function<R(Index&, Time)> effect,
                    std::function<void(absl::StatusOr<R>)> done) {
  const auto unknown = [] { return absl::UnavailableError("no answer from Redis"); };
  if (!world_.index.up) {
    world_.agenda.In(Millis(1), Mine([done, unknown] { done(unknown()); }));
    return;
  }
  Time& at = life_->redis_at;
  at = std::max(at, world_.agenda.now() + world_.Between(Micros(50), Micros(900)));
  // The reply must reach this life only; the command was sent either way.
  auto reply = std::make_shared<absl::StatusOr<R>>(unknown());
  auto answer = std::make_shared<Agenda::Task>(Mine([done, reply] { done(std::move(*reply)); }));
  world_.agenda.At(at, [this, effect = std::move(effect), reply, answer] {
    const bool fails = !world_.index.up || world_.Roll(world_.plan.redis_fails);
    if (!fails) {
      R result = effect(world_.index, world_.agenda.now() + world_.index.clock_offset);
      if (!world_.Roll(world_.plan.redis_reply_lost)) *reply = std::move(result);
    }
    const Duration delay = reply->ok() ? world_.Between(Micros(50), Micros(900)) : Millis(500);
    world_.agenda.In(delay, [answer] { (*answer)(); });
  });
}

}  // namespace invigil::session::sim
