#include "services/session/sim/replica.h"

#include <utility>

#include "common/error/error.h"
#include "services/session/sim/forms.h"
#include "services/session/sim/life.h"

namespace invigil::session::sim {
namespace {

constexpr int kRaceAttempts = 3;

Result NotReady() { return Unavailable("NOT_READY", "this replica does not serve; try another"); }

}  // namespace

Replica::Replica(World& world, int number)
    : world_(world), number_(number), machine_(world.agenda, world.WallError()) {}
Replica::~Replica() = default;

void Replica::Boot() {
  if (life_) return;
  life_ = std::make_unique<Life>(*this, world_, ++lives_);
  world_.trace.Line(world_.agenda.now(), "r%d boots", number_);
  StartTimers();
  world_.agenda.In(world_.Between(Duration(0), RelayOptions{}.scan_every),
                   Mine([this] { ScanOutbox(); }));
}

void Replica::Kill(const char* why) {
  if (!life_) return;
  world_.trace.Line(world_.agenda.now(), "r%d dies: %s", number_, why);
  life_.reset();
  trying_ = {};
  ++world_.deaths;
  world_.agenda.In(world_.RestartDelay(), [this] { Boot(); });
}

void Replica::Pass(AwaitPoint point) {
  if (point == AwaitPoint::kBeforeCommit && world_.bug == Bug::kAnswerBeforeCommit) AnswerEarly();
  const FaultPlan& plan = world_.plan;
  if (!world_.Roll(point == plan.focus ? plan.crash + plan.focus_crash : plan.crash)) return;
  ++world_.crashes[static_cast<size_t>(point)];
  throw Crash{point};
}

Duration Replica::ClockError() const {
  return life_ ? life_->clock.Now() - world_.agenda.now() : Duration(0);
}

bool Replica::Roll(double chance) { return world_.Roll(chance); }

void Replica::OtherWriterFirst() { world_.WriteElsewhere(*this); }

void Replica::Receive(Ask ask, Handler handler) {
  if (!life_ || !life_->trust.trusted()) return handler(NotReady());
  world_.agenda.In(
      Duration(0), Mine([this, ask = std::move(ask), handler = std::move(handler)]() mutable {
        if (ask.kind != Kind::kStart) return Enqueue(std::move(ask), std::move(handler));
        // As the service does it: find or reserve, get a form, start the clock.
        std::string candidate = ask.candidate;
        Enqueue(std::move(ask),
                [this, candidate, handler = std::move(handler)](const Result& result) mutable {
                  if (!result.ok() || result->state->started_at || !result->state->live()) {
                    return handler(result);
                  }
                  Begin(result, candidate, std::move(handler));
                });
      }));
}

void Replica::Begin(const Result& reserved, const std::string& candidate, Handler handler) {
  Pass(AwaitPoint::kSessionReserved);
  Ask ask{.kind = Kind::kBegin, .candidate = candidate, .session = reserved->session};
  ask.form = static_cast<int>(world_.random.Below(world_.forms()));
  if (world_.random.Below(4) == 0) {
    ask.accommodation = static_cast<int>(world_.random.Below(std::size(kAccommodations)));
  }
  if (world_.random.Below(6) == 0) {
    ask.amount = ToUnixMicros(world_.agenda.now() + world_.Between(Duration(0), Seconds(8)));
  }
  const bool fails = Roll(world_.plan.bank_fails);
  world_.agenda.In(world_.Delay(), Mine([this, fails, ask = std::move(ask),
                                         handler = std::move(handler)]() mutable {
                     if (fails)
                       return handler(Unavailable("ITEM_BANK_UNAVAILABLE", "there is no form now"));
                     Pass(AwaitPoint::kFormIssued);
                     Enqueue(std::move(ask), std::move(handler));
                   }));
}

void Replica::Enqueue(Ask ask, Handler handler) {
  Batch& waiting = life_->waiting;
  Job job;
  job.work = ToWork(ask);
  job.received = life_->clock.Now();
  if (world_.trace.on()) {
    world_.trace.Line(world_.agenda.now(), "r%d takes %s at %s", number_, Describe(ask),
                      Moment(job.received));
  }
  const uint64_t floor = ask.kind == Kind::kStart ? 0 : world_.store.Version(ask.session);
  waiting.jobs.push_back(std::move(job));
  waiting.tickets.push_back({std::move(ask), world_.agenda.now(), floor});
  waiting.handlers.push_back(std::move(handler));
  Pass(AwaitPoint::kRequestQueued);
  PlanWrite();
}

void Replica::PlanWrite() {
  if (life_->write_planned || life_->waiting.jobs.empty()) return;
  life_->write_planned = true;
  world_.agenda.In(world_.StoreDelay(), Mine([this] {
                     life_->write_planned = false;
                     Write();
                   }));
}

bool Replica::WriteNow() {
  if (!life_ || life_->writing || life_->waiting.jobs.empty() ||
      world_.agenda.now() < frozen_until_) {
    return false;
  }
  Guarded([this] { Write(); });
  return true;
}

void Replica::Write() {
  Life& life = *life_;
  if (life.writing || life.waiting.jobs.empty()) return;
  life.writing = true;
  const size_t n = std::min<size_t>(life.waiting.jobs.size(), 1 + world_.random.Below(8));
  const auto take = [n](auto& from, auto& to) {
    const auto end = from.begin() + static_cast<long>(n);
    to.assign(std::make_move_iterator(from.begin()), std::make_move_iterator(end));
    from.erase(from.begin(), end);
  };
  life.batch = {};
  take(life.waiting.jobs, life.batch.jobs);
  take(life.waiting.tickets, life.batch.tickets);
  take(life.waiting.handlers, life.batch.handlers);
  Pass(AwaitPoint::kBatchTaken);
  SettleBatch(life.transactor, life.batch.jobs, kRaceAttempts, life.clock, *this);
  life.writing = false;
  life.answers_at =
      std::max(life.answers_at, world_.agenda.now() + world_.Between(Micros(10), Micros(3000)));
  auto batch = std::make_shared<Batch>(std::move(life.batch));
  world_.agenda.At(life.answers_at, Mine([this, batch] { GiveOut(*batch); }));
  PlanWrite();
}

void Replica::Durable(const std::vector<Appended>& appended) {
  const size_t first = static_cast<size_t>(trying_.data() - life_->batch.jobs.data());
  world_.trace.Line(world_.agenda.now(), "r%d commits %d commands, %d sessions changed", number_,
                    trying_.size(), appended.size());
  world_.checker.Durable(trying_, std::span(life_->batch.tickets).subspan(first, trying_.size()),
                         life_->transactor.touched(), appended);
}

void Replica::Committed(std::span<Job> jobs, Duration, Duration) {
  for (const Transactor::Touched& touched : life_->transactor.touched()) {
    if (!touched.after) continue;
    const TimerNews news = TimerNewsOf(*touched.before, *touched.after);
    if (news.schedule || news.remove) life_->batch.timers.emplace_back(touched.session, news);
    if (touched.after->state == SessionState::kSubmitted && touched.before->live()) {
      life_->batch.kicks.emplace_back(touched.session, touched.after->attempt_version);
    }
  }
}

void Replica::LostRace() {
  ++world_.lost_races;
  world_.trace.Line(world_.agenda.now(), "r%d lost a race", number_);
}

void Replica::StoreFailed(std::span<Job>, const absl::Status& status) {
  world_.trace.Line(world_.agenda.now(), "r%d could not write: %s", number_, ReasonOf(status));
}

void Replica::GiveOut(Batch& batch) {
  Pass(AwaitPoint::kBeforeAnswers);
  for (size_t i = 0; i < batch.jobs.size(); ++i) {
    if (!batch.handlers[i]) continue;  // answered early, by a deliberate bug
    world_.checker.Answered(batch.tickets[i], batch.jobs[i].result);
    if (world_.checker.failed()) return;
    batch.handlers[i](batch.jobs[i].result);
    Pass(AwaitPoint::kBetweenAnswers);
  }
  Pass(AwaitPoint::kBeforeTimerNews);
  for (const auto& [session, news] : batch.timers) {
    Redis<bool>(
        [session = session, news = news](Index& index, Time) {
          if (news.schedule) index.Schedule(session, *news.schedule);
          if (news.remove) index.Remove(session, *news.remove);
          return true;
        },
        [](const absl::StatusOr<bool>&) {});
    Pass(AwaitPoint::kBetweenTimerNews);
  }
  for (const RelayPlan::Key& key : batch.kicks) {
    if (life_->relay.Take(key, true, life_->clock.Monotonic())) Send(key);
  }
}

void Replica::AnswerEarly() {
  Batch& batch = life_->batch;
  const size_t first = static_cast<size_t>(trying_.data() - batch.jobs.data());
  for (size_t i = first; i < first + trying_.size(); ++i) {
    Result early = batch.jobs[i].result;
    if (!early.ok() || !batch.handlers[i]) continue;
    for (const auto& touched : life_->transactor.touched()) {
      if (touched.session == early->session) early->state = touched.state();
    }
    world_.checker.Answered(batch.tickets[i], early);
    std::exchange(batch.handlers[i], nullptr)(early);
  }
}

}  // namespace invigil::session::sim
