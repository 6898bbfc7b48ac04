#include "services/session/engine/session_engine.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "common/error/error.h"
#include "services/session/engine/answers.h"
#include "services/session/engine/job.h"
#include "services/session/engine/lane_queue.h"
#include "services/session/engine/listeners.h"
#include "services/session/engine/read_ahead.h"
#include "services/session/engine/seal_pace.h"
#include "services/session/engine/session_cache.h"
#include "services/session/engine/settle.h"
#include "services/session/engine/timer_news.h"
#include "services/session/engine/transactor.h"
#include "services/session/store/open.h"

namespace invigil::session {
namespace {

Lane LaneOf(const Action& action) {
  if (std::holds_alternative<Read>(action)) return Lane::kRead;
  // What a deadline brings about for thousands at once; nobody waits for an answer.
  if (std::holds_alternative<Expire>(action) || std::holds_alternative<RecordScore>(action)) {
    return Lane::kSeal;
  }
  if (std::holds_alternative<Start>(action) || std::holds_alternative<Reserve>(action)) {
    return Lane::kStart;
  }
  return Lane::kSave;
}

// Messages are added and confirmed, and nothing else happens to them.
bool MessagesDiffer(const State& a, const State& b) {
  if (a.extras == b.extras) return false;  // most saves leave them shared
  static const std::vector<Message> kNone;
  const std::vector<Message>& before = a.extras ? a.extras->messages : kNone;
  const std::vector<Message>& after = b.extras ? b.extras->messages : kNone;
  return before.size() != after.size() ||
         !std::equal(before.begin(), before.end(), after.begin(),
                     [](const Message& m, const Message& n) { return m.confirmed == n.confirmed; });
}

// Whether those who watch a session have something to see.
bool Differs(const State& a, const State& b) {
  return a.state != b.state || a.epoch != b.epoch || a.deadline_version != b.deadline_version ||
         a.part != b.part || a.break_kind != b.break_kind || MessagesDiffer(a, b);
}

// Reports are added, and nothing else happens to them.
bool ReportsDiffer(const State& a, const State& b) {
  if (a.extras == b.extras) return false;
  const auto count = [](const State& s) { return s.extras ? s.extras->irregularities.size() : 0; };
  return count(a) != count(b);
}

// Whether those who watch over sessions have something to see: what they are shown, and not the
// flags and times that every screen reports.
bool RosterDiffers(const State& a, const State& b) {
  return Differs(a, b) || ReportsDiffer(a, b) || a.checked_in != b.checked_in ||
         a.grants.size() != b.grants.size() ||
         (a.identity != b.identity && *a.identity != *b.identity);
}

// For so long a failure of the store counts, if nothing is heard of it.
constexpr Duration kUnhealthy = Seconds(2);
constexpr int64_t kNeverFailed = -1;

// The session for which the job's candidate did something; null: nobody did.
const SessionId* AliveIn(const Job& job) {
  if (!job.result.ok()) return nullptr;
  const auto* command = std::get_if<CommandJob>(&job.work);
  return command && !command->command.candidate_id.empty() ? &command->session : nullptr;
}

}  // namespace

struct SessionEngine::Impl : BatchObserver {
  Impl(std::unique_ptr<EventLog> log, std::unique_ptr<EventLogReader> reader, const Clock& clock,
       EngineOptions options, EngineHooks hooks)
      : log(std::move(log)),
        reader(std::move(reader)),
        clock(clock),
        options(std::move(options)),
        hooks(std::move(hooks)),
        cache(this->options.cached_sessions),
        queue(this->options.queue_limit),
        transactor(*this->log, cache),
        pace(this->options.max_batch),
        ahead(*this->reader, cache, this->options.queue_limit,
              [this](Job job) { Queue(Lane::kSeal, std::move(job)); }),
        writer([this] { Write(); }) {}

  void Submit(Lane lane, decltype(Job::work) work, Done done) {
    if (options.may_judge && !options.may_judge()) {
      done(Unavailable("CLOCK_NOT_TRUSTED",
                       "this replica's clock is not confirmed, so it judges nothing; try again"));
      return;
    }
    Job job;
    job.work = std::move(work);
    job.received = clock.Now();
    job.done = std::move(done);
    // What is in no memory is read first, unless the store may have forgotten what is read.
    if (lane == Lane::kSeal && !log->MayForget() &&
        !cache.Peek(std::get<CommandJob>(job.work).session) && ahead.Push(job)) {
      return;
    }
    Queue(lane, std::move(job));
  }

  void Queue(Lane lane, Job job) {
    switch (queue.Push(lane, job)) {
      case LaneQueue<Job>::Pushed::kOk:
        return;
      case LaneQueue<Job>::Pushed::kFull:
        refused_overload.fetch_add(1, std::memory_order_relaxed);
        job.done(ResourceExhausted("OVERLOADED", "too much is waiting to be stored; try again"));
        return;
      case LaneQueue<Job>::Pushed::kClosed:
        job.done(Unavailable("SHUTTING_DOWN", "this replica is stopping; try again"));
        return;
    }
  }

  void Write() {
    std::vector<Job> batch;
    for (;;) {
      answerer.WaitForRoom();
      if (!queue.Take(options.max_batch, pace.Quota(), batch)) return;
      SettleBatch(transactor, batch, options.race_attempts, clock, *this);
      answerer.Put({std::exchange(batch, {}), std::exchange(news, {})});
    }
  }

  void LostRace() override {
    const std::lock_guard lock(stats_mutex);
    ++stats.lost_races;
  }

  void StoreFailed(std::span<Job>, const absl::Status& status) override {
    failed_at.store(clock.Monotonic().count(), std::memory_order_relaxed);
    {
      const std::lock_guard lock(stats_mutex);
      ++stats.store_failures;
    }
    if (hooks.on_store_failure) news.push_back([this, status] { hooks.on_store_failure(status); });
  }

  void Committed(std::span<Job> jobs, Duration decided, Duration duration) override {
    pace.Ran(jobs.size(), decided, duration, queue.size(Lane::kSeal), clock.Monotonic());
    failed_at.store(kNeverFailed, std::memory_order_relaxed);
    {
      const std::lock_guard lock(stats_mutex);
      stats.commands += jobs.size();
      stats.events += transactor.events();
      ++stats.commits;
      const auto bucket = static_cast<size_t>(std::bit_width(jobs.size()) - 1);
      ++stats.batch_sizes[std::min(bucket, stats.batch_sizes.size() - 1)];
    }
    const std::shared_ptr<SessionObserver> watching = Observer();
    for (const Transactor::Touched& session : transactor.touched()) Note(session, watching);
    if (watching) {
      for (const Job& job : jobs) {
        if (const SessionId* session = AliveIn(job)) watching->OnAlive(*session, std::nullopt);
      }
    }
    if (hooks.on_batch) {
      const BatchReport report{jobs.size(), transactor.events(), duration};
      news.push_back([this, report] { hooks.on_batch(report); });
    }
  }

  // Notes what others must hear of a session; of most saves, nothing.
  void Note(const Transactor::Touched& session, const std::shared_ptr<SessionObserver>& watching) {
    const SessionId id = session.session;
    const std::shared_ptr<const State> state = session.state();
    if (!state->exists()) return;
    if (session.after) {
      const TimerNews timer = TimerNewsOf(*session.before, *state);
      if (timer.remove && hooks.on_unscheduled) {
        news.push_back([this, id, was = *timer.remove] { hooks.on_unscheduled(id, was); });
      }
      if (timer.schedule && hooks.on_scheduled) {
        news.push_back([this, id, due = *timer.schedule] { hooks.on_scheduled(id, due); });
      }
    }
    if (!session.known || Differs(*session.known, *state)) {
      news.push_back([this, id, state] { listeners.Notify(id, SessionChange{id, state}); });
    }
    if (watching && (!session.known || RosterDiffers(*session.known, *state))) {
      news.push_back([watching, id, state] { watching->OnChanged(id, state); });
    }
  }

  std::shared_ptr<SessionObserver> Observer() const {
    const std::lock_guard lock(observer_mutex);
    return observer;
  }

  const std::unique_ptr<EventLog> log;
  const std::unique_ptr<EventLogReader> reader;
  const Clock& clock;
  const EngineOptions options;
  const EngineHooks hooks;
  SessionCache cache;
  LaneQueue<Job> queue;
  Listeners<SessionChange> listeners;
  Transactor transactor;                         // the writer's
  SealPace pace;                                 // the writer's
  std::atomic<int64_t> failed_at{kNeverFailed};  // monotonic; of the last transaction, if it did
  std::atomic<uint64_t> refused_overload{0};
  mutable std::mutex stats_mutex;
  EngineStats stats;
  mutable std::mutex observer_mutex;
  std::shared_ptr<SessionObserver> observer;  // under observer_mutex
  std::mutex stop_mutex;
  std::vector<std::function<void()>> news;  // of the batch at hand; the writer's
  Answerer answerer;                        // uses the above
  ReadAhead ahead;                          // gives to the queue
  std::thread writer;                       // last: it uses all of the above
};

SessionEngine::SessionEngine(std::unique_ptr<EventLog> log, std::unique_ptr<EventLogReader> reader,
                             const Clock& clock, EngineOptions options, EngineHooks hooks)
    : impl_(std::make_unique<Impl>(std::move(log), std::move(reader), clock, std::move(options),
                                   std::move(hooks))) {}

SessionEngine::~SessionEngine() { Stop(); }

absl::StatusOr<std::unique_ptr<SessionEngine>> SessionEngine::Open(const std::string& location,
                                                                   const Clock& clock,
                                                                   EngineOptions options,
                                                                   EngineHooks hooks) {
  auto log = OpenEventLog(location);
  if (!log.ok()) return log.status();
  auto reader = OpenEventLogReader(location);
  if (!reader.ok()) return reader.status();
  return std::make_unique<SessionEngine>(*std::move(log), *std::move(reader), clock,
                                         std::move(options), std::move(hooks));
}

void SessionEngine::FindOrReserve(StartRequest request, Done done) {
  impl_->Submit(Lane::kStart, std::move(request), std::move(done));
}

void SessionEngine::StartClock(const SessionId& session, std::string candidate_id, Start start,
                               std::vector<Content> contents, Done done) {
  CommandJob work{session, {std::move(candidate_id), std::move(start)}, std::move(contents), true};
  impl_->Submit(Lane::kStart, std::move(work), std::move(done));
}

void SessionEngine::Execute(const SessionId& session, Command command, Done done) {
  const Lane lane = LaneOf(command.action);
  impl_->Submit(lane, CommandJob{session, std::move(command), {}, false}, std::move(done));
}

void SessionEngine::ExecuteAndShow(const SessionId& session, Command command, Done done) {
  const Lane lane = LaneOf(command.action);
  impl_->Submit(lane, CommandJob{session, std::move(command), {}, true}, std::move(done));
}

void SessionEngine::ExecuteBulk(const SessionId& session, Command command, Done done) {
  impl_->Submit(Lane::kBulk, CommandJob{session, std::move(command), {}, false}, std::move(done));
}

void SessionEngine::Get(const SessionId& session, std::string candidate_id, bool with_contents,
                        Done done) {
  CommandJob work{session, {std::move(candidate_id), Read{}}, {}, with_contents};
  impl_->Submit(Lane::kRead, std::move(work), std::move(done));
}

std::shared_ptr<const State> SessionEngine::Peek(const SessionId& session) const {
  return impl_->cache.Peek(session);
}

SessionEngine::Subscription SessionEngine::Subscribe(const SessionId& session, Listener listener) {
  return Subscription(this, session, impl_->listeners.Add(session, std::move(listener)));
}

SessionEngine::Subscription::Subscription(Subscription&& other) noexcept
    : engine_(std::exchange(other.engine_, nullptr)), session_(other.session_), key_(other.key_) {}

SessionEngine::Subscription& SessionEngine::Subscription::operator=(Subscription&& other) noexcept {
  std::swap(engine_, other.engine_);
  std::swap(session_, other.session_);
  std::swap(key_, other.key_);
  return *this;
}

SessionEngine::Subscription::~Subscription() {
  if (engine_) engine_->impl_->listeners.Remove(session_, key_);
}

void SessionEngine::Observe(std::shared_ptr<SessionObserver> observer) {
  const std::lock_guard lock(impl_->observer_mutex);
  impl_->observer.swap(observer);  // the former one goes after the lock
}

void SessionEngine::NoteAlive(const SessionId& session, std::optional<uint32_t> unsaved) {
  if (const auto observer = impl_->Observer()) observer->OnAlive(session, unsaved);
}

bool SessionEngine::Watched(const SessionId& session) const {
  return impl_->listeners.Has(session);
}

absl::StatusOr<std::vector<OutboxEntry>> SessionEngine::PendingOutbox(
    std::optional<OutboxEntry> after, size_t limit) {
  return impl_->reader->ListOutbox(after, limit);
}

void SessionEngine::MarkDelivered(const SessionId& session, uint32_t attempt_version,
                                  absl::AnyInvocable<void(absl::Status)> done) {
  impl_->Submit(Lane::kSave, DeliveredJob{session, attempt_version},
                [done = std::move(done)](absl::StatusOr<Outcome> outcome) mutable {
                  done(outcome.status());
                });
}

void SessionEngine::AddRemark(Remark remark, absl::AnyInvocable<void(absl::Status)> done) {
  impl_->Submit(Lane::kBulk, RemarkJob{std::move(remark)},
                [done = std::move(done)](absl::StatusOr<Outcome> outcome) mutable {
                  done(outcome.status());
                });
}

void SessionEngine::Reload(const SessionId& session, absl::AnyInvocable<void(absl::Status)> done) {
  impl_->Submit(Lane::kBulk, ReloadJob{session},
                [done = std::move(done)](absl::StatusOr<Outcome> outcome) mutable {
                  done(outcome.status());
                });
}

absl::StatusOr<std::vector<Scheduled>> SessionEngine::ListScheduled(std::optional<Scheduled> after,
                                                                    Time until, size_t limit) {
  return impl_->reader->ListScheduled(after, until, limit);
}

EngineStats SessionEngine::Stats() const {
  EngineStats stats;
  {
    const std::lock_guard lock(impl_->stats_mutex);
    stats = impl_->stats;
  }
  stats.refused_overload = impl_->refused_overload.load(std::memory_order_relaxed);
  stats.queued = impl_->queue.size();
  return stats;
}

bool SessionEngine::Healthy() const {
  const int64_t failed_at = impl_->failed_at.load(std::memory_order_relaxed);
  return failed_at == kNeverFailed || impl_->clock.Monotonic() - Duration(failed_at) >= kUnhealthy;
}

void SessionEngine::Stop() {
  const std::lock_guard lock(impl_->stop_mutex);
  impl_->ahead.Stop();  // what it holds is still taken
  impl_->queue.Close();
  if (impl_->writer.joinable()) impl_->writer.join();
  impl_->answerer.Stop();
}

}  // namespace invigil::session
