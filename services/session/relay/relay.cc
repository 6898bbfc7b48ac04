#include "services/session/relay/relay.h"

#include <algorithm>
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
  Shared(const Clock& c, const RelayOptions& o) : clock(c), options(o) {}
  const Clock& clock;
  const RelayOptions options;
  std::mutex mutex;
  std::condition_variable wake;
  std::map<Key, Backoff> failing;  // under mutex, as all below
  absl::flat_hash_set<Key> out;
  std::deque<Kicked> kicked;
  bool stopping = false;
  bool full_scan = true;  // there may be more than was read

  telemetry::Counter& delivered = telemetry::GetCounter("invigil_session_relay_delivered_total",
                                                        "Sealed sessions whose score came back.");
  telemetry::Counter& failed = telemetry::GetCounter(
      "invigil_session_relay_failed_total", "Tries to have a sealed session scored that failed.");
  telemetry::Gauge& unscored = telemetry::GetGauge(
      "invigil_session_unscored",
      "Sealed sessions in the outbox at the last look (at most 1000 are counted).");
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
}

void Relay::Kick(const SessionId& session, uint32_t attempt_version,
                 const telemetry::TraceContext& trace) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->kicked.push_back({Key(session, attempt_version), trace});
  }
  shared_->wake.notify_all();
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
    for (const auto& [key, trace] : kicked) {
      if (Take(key, true)) Send(key, trace);
    }
    if (clock_.Monotonic() >= next_scan) {
      Scan();
      const std::lock_guard lock(shared_->mutex);
      // A backlog is worked off without pause; else the outbox is looked at now and then.
      next_scan = clock_.Monotonic() + (shared_->full_scan ? Millis(20) : options_.scan_every);
    }
  }
}

void Relay::Scan() {
  constexpr size_t kPage = 200, kMost = 1000;
  std::optional<OutboxEntry> after;
  size_t seen = 0, overdue = 0, taken = 0;
  bool room = true;
  while (room && seen < kMost) {
    const auto page = engine_.PendingOutbox(after, kPage);
    if (!page.ok()) {
      log::Warning("the outbox can't be read", {{"error", std::string(page.status().message())}});
      break;
    }
    for (const OutboxEntry& entry : *page) {
      ++seen;
      if (clock_.Now() - entry.sealed_at > options_.alarm_after) ++overdue;
      const Key key(entry.session, entry.attempt_version);
      if (room && Take(key, false)) {
        ++taken;
        Send(key, telemetry::TraceContext::New());
      }
      const std::lock_guard lock(shared_->mutex);
      room = shared_->out.size() < static_cast<size_t>(options_.in_flight);
    }
    if (page->size() < kPage) break;
    after = page->back();
  }
  shared_->unscored.Set(static_cast<double>(seen));
  shared_->overdue.Set(static_cast<double>(overdue));
  if (overdue > 0)
    log::Warning("sealed sessions wait for their score",
                 {{"count", static_cast<uint64_t>(overdue)}});
  const std::lock_guard lock(shared_->mutex);
  shared_->full_scan = taken > 0 && !room;
}

bool Relay::Take(const Key& key, bool at_once) {
  const std::lock_guard lock(shared_->mutex);
  if (!at_once && shared_->out.size() >= static_cast<size_t>(options_.in_flight)) return false;
  const auto failing = shared_->failing.find(key);
  if (failing != shared_->failing.end() && failing->second.until > clock_.Monotonic()) return false;
  return shared_->out.insert(key).second;
}

void Relay::Send(const Key& key, const telemetry::TraceContext& trace) {
  engine_.Get(
      key.first, "", false, [this, shared = shared_, key, trace](absl::StatusOr<Outcome> outcome) {
        if (!outcome.ok()) {
          Ended(shared, key, outcome.status());
          return;
        }
        const State& state = *outcome->state;
        if (!state.sealed() || state.attempt_version != key.second || state.score_version > 0) {
          Ended(shared, key, absl::OkStatus());  // reopened, or scored already
          return;
        }
        {
          const std::lock_guard lock(shared->mutex);
          if (shared->stopping) return;
        }
        score_(key.first, outcome->state, trace,
               [&engine = engine_, shared, key](absl::StatusOr<ScoredReport> scored) {
                 if (!scored.ok()) {
                   Ended(shared, key, scored.status());
                   return;
                 }
                 {
                   const std::lock_guard lock(shared->mutex);
                   if (shared->stopping) return;
                 }
                 RecordScore record{.score_version = scored->score_version,
                                    .report = scored->report,
                                    .release = true};
                 engine.Execute(key.first, {"", std::move(record)},
                                [shared, key](absl::StatusOr<Outcome> recorded) {
                                  Ended(shared, key, recorded.status());
                                });
               });
      });
}

void Relay::Ended(const std::shared_ptr<Shared>& shared, const Key& key,
                  const absl::Status& status) {
  Duration wait(0);
  {
    const std::lock_guard lock(shared->mutex);
    shared->out.erase(key);
    if (status.ok()) {
      shared->failing.erase(key);
    } else {
      Backoff& backoff = shared->failing[key];
      // What is wrong with this one session will not mend itself soon.
      const bool for_good = status.code() == absl::StatusCode::kInvalidArgument ||
                            status.code() == absl::StatusCode::kAlreadyExists ||
                            status.code() == absl::StatusCode::kFailedPrecondition;
      backoff.wait = for_good ? shared->options.max_backoff
                              : std::clamp(backoff.wait * 2, shared->options.min_backoff,
                                           shared->options.max_backoff);
      backoff.until = shared->clock.Monotonic() + backoff.wait;
      wait = backoff.wait;
    }
  }
  if (status.ok()) {
    shared->delivered.Add();
    return;
  }
  shared->failed.Add();
  log::Warning("a sealed session could not be scored; it will be tried again",
               {{"session", key.first.ToHex()},
                {"reason", ReasonOf(status)},
                {"error", std::string(status.message())},
                {"retry_ms", int64_t{wait.count() / 1000}}});
}

}  // namespace invigil::session
