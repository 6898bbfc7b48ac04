#include "services/session/relay/relay.h"

#include <deque>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/telemetry/metrics.h"

namespace invigil::session {

struct Relay::Kicked {
  Key key;
  telemetry::TraceContext trace;
};

struct Relay::Shared {
  Shared(const Clock& c, const RelayOptions& options)
      : clock(c),
        plan(static_cast<size_t>(options.in_flight), {options.min_backoff, options.max_backoff}) {}
  const Clock& clock;
  std::mutex mutex;
  std::condition_variable wake;
  RelayPlan plan;  // under mutex, as all below
  std::deque<Kicked> kicked;
  int busy = 0;  // replies being worked on, which the relay's end waits for
  bool stopping = false;

  // One reply. False when the relay has ended: then nothing but this may be touched.
  class Work {
   public:
    explicit Work(Shared& shared) : shared_(shared) {
      const std::lock_guard lock(shared_.mutex);
      if (shared_.stopping) return;
      ++shared_.busy;
      going_ = true;
    }
    ~Work() {
      if (!going_) return;
      const std::lock_guard lock(shared_.mutex);
      if (--shared_.busy == 0) shared_.wake.notify_all();
    }
    Work(const Work&) = delete;
    explicit operator bool() const { return going_; }

   private:
    Shared& shared_;
    bool going_ = false;
  };

  telemetry::Counter& delivered = telemetry::GetCounter("invigil_session_relay_delivered_total",
                                                        "Sealed sessions whose score came back.");
  telemetry::Counter& failed = telemetry::GetCounter(
      "invigil_session_relay_failed_total", "Tries to have a sealed session scored that failed.");
  telemetry::Gauge& unscored = telemetry::GetGauge(
      "invigil_session_unscored",
      "Sealed sessions in the outbox at the last look (at most 1000 are counted).");
  telemetry::Gauge& failing_now = telemetry::GetGauge(
      "invigil_session_relay_failing", "Sealed sessions whose last try to be scored failed.");
  telemetry::Gauge& overdue =
      telemetry::GetGauge("invigil_session_unscored_overdue",
                          "Of these, those sealed longer ago than the alarm allows.");
};

Relay::Relay(SessionEngine& engine, ScoreSession score, const Clock& clock, RelayOptions options)
    : engine_(engine),
      score_(std::move(score)),
      clock_(clock),
      options_(options),
      shared_(std::make_shared<Shared>(clock, options)),
      thread_([this] { Loop(); }) {}

Relay::~Relay() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->wake.notify_all();
  thread_.join();
  std::unique_lock lock(shared_->mutex);
  shared_->wake.wait(lock, [this] { return shared_->busy == 0; });
}

void Relay::Kick(const SessionId& session, uint32_t attempt_version,
                 const telemetry::TraceContext& trace) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->kicked.push_back({Key(session, attempt_version), trace});
  }
  shared_->wake.notify_all();
}

void Relay::Retry(const SessionId& session, uint32_t attempt_version,
                  const telemetry::TraceContext& trace) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->plan.Forgive(Key(session, attempt_version));
  }
  Kick(session, attempt_version, trace);
}

void Relay::Loop() {
  Duration next_scan(0);
  for (;;) {
    std::deque<Kicked> kicked;
    {
      std::unique_lock lock(shared_->mutex);
      const auto ready = [this] { return shared_->stopping || !shared_->kicked.empty(); };
      const Duration left = next_scan - clock_.Monotonic();
      if (left > Duration(0)) shared_->wake.wait_for(lock, left, ready);
      if (shared_->stopping) return;
      kicked.swap(shared_->kicked);
    }
    const bool may = !options_.may_judge || options_.may_judge();
    for (const auto& [key, trace] : kicked) {
      if (may && Take(key, true)) Send(key, trace);
    }
    // A backlog is worked off without pause; else the outbox is looked at now and then.
    if (clock_.Monotonic() >= next_scan)
      next_scan = clock_.Monotonic() + (may && Scan() ? Millis(20) : options_.scan_every);
  }
}

bool Relay::Scan() {
  // What lies behind the oldest has its turn first and goes on where it stopped: however many fail
  // at the front, nobody behind them starves.
  Stretch behind;
  if (behind_) {
    behind = Look(behind_, true);
    behind_ = behind.at_end ? std::nullopt : behind.last;
  }
  // The oldest are counted at every look: scoring may be away, and an operator must see it.
  const Stretch oldest = Look(std::nullopt, false);
  if (oldest.failed) return false;
  if (!oldest.at_end && !behind_) behind_ = oldest.last;
  shared_->unscored.Set(static_cast<double>(oldest.seen));
  shared_->overdue.Set(static_cast<double>(oldest.overdue));
  if (oldest.overdue > 0)
    log::Warning("sealed sessions wait for their score",
                 {{"count", static_cast<uint64_t>(oldest.overdue)}});
  if (oldest.at_end || behind.at_end) Forget();
  return behind.taken + oldest.taken > 0 && (behind_ || oldest.full);
}

Relay::Stretch Relay::Look(std::optional<OutboxEntry> after, bool stop_when_full) {
  constexpr size_t kPage = 200;
  Stretch stretch{.last = after};
  while (stretch.seen < options_.look_at) {
    const size_t limit = std::min(kPage, options_.look_at - stretch.seen);
    const auto page = engine_.PendingOutbox(stretch.last, limit);
    if (!page.ok()) {
      log::Warning("the outbox can't be read", {{"error", std::string(page.status().message())}});
      stretch.failed = true;
      return stretch;
    }
    for (const OutboxEntry& entry : *page) {
      stretch.full = stretch.full || Full();
      if (stretch.full && stop_when_full) return stretch;
      ++stretch.seen;
      stretch.last = entry;
      if (clock_.Now() - entry.sealed_at > options_.alarm_after) ++stretch.overdue;
      const Key key(entry.session, entry.attempt_version);
      if (!Take(key, false)) continue;
      ++stretch.taken;
      Send(key, telemetry::TraceContext::New());
    }
    if (page->size() < limit) {
      stretch.at_end = true;
      return stretch;
    }
  }
  return stretch;
}

bool Relay::Full() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->plan.Full();
}

bool Relay::Take(const Key& key, bool at_once) {
  const std::lock_guard lock(shared_->mutex);
  return shared_->plan.Take(key, at_once, clock_.Monotonic());
}

// Another replica delivers what failed here: then nothing here would ever ask for it again.
void Relay::Forget() {
  const std::lock_guard lock(shared_->mutex);
  shared_->plan.PassOver();
  shared_->failing_now.Set(static_cast<double>(shared_->plan.failing()));
}

void Relay::Send(const Key& key, const telemetry::TraceContext& trace) {
  engine_.Get(key.first, "", false,
              [this, shared = shared_, key, trace](absl::StatusOr<Outcome> outcome) {
                const Shared::Work work(*shared);
                if (!work) return;
                if (!outcome.ok()) {
                  Ended(*shared, key, outcome.status());
                  return;
                }
                if (!AwaitsScore(*outcome->state, key.second)) {
                  Ended(*shared, key, absl::OkStatus());  // reopened, or scored already
                  return;
                }
                score_(key.first, outcome->state, trace,
                       [&engine = engine_, shared, key](absl::StatusOr<ScoredReport> scored) {
                         const Shared::Work work(*shared);
                         if (!work) return;
                         if (!scored.ok()) {
                           Ended(*shared, key, scored.status());
                           return;
                         }
                         RecordScore record{.score_version = scored->score_version,
                                            .report = scored->report,
                                            .release = true,
                                            .attempt_version = key.second};
                         engine.Execute(key.first, {"", std::move(record)},
                                        [shared, key](absl::StatusOr<Outcome> recorded) {
                                          const Shared::Work work(*shared);
                                          if (!work) return;
                                          if (recorded.ok()) shared->delivered.Add();
                                          Ended(*shared, key, recorded.status());
                                        });
                       });
              });
}

void Relay::Ended(Shared& shared, const Key& key, const absl::Status& status) {
  RelayPlan::Verdict verdict;
  {
    const std::lock_guard lock(shared.mutex);
    verdict = shared.plan.Ended(key, status, shared.clock.Monotonic());
  }
  if (status.ok()) return;
  shared.failed.Add();
  if (verdict.tell)
    log::Warning("a sealed session could not be scored; it will be tried again",
                 {{"session", key.first.ToHex()},
                  {"reason", ReasonOf(status)},
                  {"error", std::string(status.message())},
                  {"retry_ms", int64_t{verdict.wait.count() / 1000}}});
}

}  // namespace invigil::session
