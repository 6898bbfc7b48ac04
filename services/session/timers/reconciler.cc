#include "services/session/timers/reconciler.h"

#include <sys/prctl.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "common/log/log.h"
#include "services/session/timers/decisions.h"
#include "services/session/timers/metrics.h"

namespace invigil::session {

struct Reconciler::Shared {
  std::mutex mutex;
  std::condition_variable wake;
  bool stop = false;
};

Reconciler::Reconciler(const Clock& clock, ListHook list, Expirer& expirer,
                       std::function<bool()> index_healthy, std::function<bool()> may_expire,
                       ReconcilerOptions options)
    : clock_(clock),
      list_(std::move(list)),
      expirer_(expirer),
      index_healthy_(std::move(index_healthy)),
      may_expire_(std::move(may_expire)),
      options_(options),
      shared_(std::make_shared<Shared>()) {}

Reconciler::~Reconciler() { Stop(); }

void Reconciler::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Reconciler::Stop() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
    shared_->wake.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

bool Reconciler::Stopping() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->stop;
}

void Reconciler::Run() {
  prctl(PR_SET_NAME, "timer-scan");
  // Looked at every urgent_period: an index that dies just after a scan must not cost a whole
  // period.
  ScanPace pace(options_.period, options_.urgent_period);
  while (true) {
    {
      std::unique_lock lock(shared_->mutex);
      shared_->wake.wait_for(lock, options_.urgent_period, [&] { return shared_->stop; });
      if (shared_->stop) return;
    }
    const bool healthy = index_healthy_();
    if (pace.Look(healthy, may_expire_())) Scan(healthy);
  }
}

void Reconciler::Scan(bool healthy) {
  TimerMetrics& metrics = TimerMetrics::Get();
  const Time now = clock_.Now();
  const Time until = healthy ? now - options_.grace : now;
  std::optional<Timer> after;
  double oldest = 0;
  // Page by page past those that are being asked for or fail, so that they hold up nobody.
  while (!Stopping()) {
    const absl::StatusOr<std::vector<Timer>> overdue = list_(after, until, options_.batch);
    if (!overdue.ok()) {
      metrics.list_failures.Add();
      log::Warning("cannot list overdue sessions",
                   {{"error", std::string(overdue.status().message())}});
      return;  // the gauge keeps its last value: nothing is known
    }
    for (const Timer& timer : *overdue) {
      if (!after.has_value()) oldest = (now - timer.deadline).count() / 1e6;
      after = timer;
      while (!expirer_.Start(timer, [](const absl::Status&) {})) {
        if (Stopping()) return;
        expirer_.WaitForRoom(options_.urgent_period);
      }
      metrics.reconciled.Add();
    }
    if (overdue->size() < options_.batch) break;
  }
  metrics.oldest_overdue_seconds.Set(oldest);
}

}  // namespace invigil::session
