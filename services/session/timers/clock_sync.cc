#include "services/session/timers/clock_sync.h"

#include <sys/prctl.h>

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "common/log/log.h"
#include "services/session/timers/clock_guard.h"
#include "services/session/timers/metrics.h"

namespace invigil::session {
namespace {

// [seconds, microseconds], as strings.
std::optional<Time> ReadTime(const redis::Reply& reply) {
  if (reply.elements.size() != 2) return std::nullopt;
  int64_t parts[2];
  for (int i = 0; i < 2; ++i) {
    const std::string& text = reply.elements[static_cast<size_t>(i)].text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parts[i]);
    if (error != std::errc()) return std::nullopt;
  }
  return FromUnixMicros(parts[0] * 1'000'000 + parts[1]);
}

double ToSeconds(Duration d) { return d.count() / 1e6; }

}  // namespace

struct ClockSync::Shared {
  Shared(DisciplinedClock& clock, const Clock& l, Duration alarm)
      : local(l), skew_alarm(alarm), trust(clock, l) {}

  void Take(Time source, Duration sent, Duration received);

  const Clock& local;
  const Duration skew_alarm;
  std::mutex mutex;
  std::condition_variable wake;
  bool stop = false;
  bool asking = false;
  bool alarmed = false;
  ClockTrust trust;
};

ClockSync::ClockSync(redis::Client& client, DisciplinedClock& clock, const Clock& local,
                     ClockSyncOptions options)
    : client_(client),
      options_(options),
      shared_(std::make_shared<Shared>(clock, local, options.skew_alarm)) {}

ClockSync::~ClockSync() { Stop(); }

void ClockSync::Start() {
  thread_ = std::thread([this] { Run(); });
}

void ClockSync::Stop() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
    shared_->wake.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  std::unique_lock lock(shared_->mutex);
  shared_->wake.wait(lock, [&] { return !shared_->asking; });
}

bool ClockSync::Trusted() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->trust.trusted();
}

void ClockSync::Run() {
  prctl(PR_SET_NAME, "clock-sync");
  while (true) {
    Ask();
    std::unique_lock lock(shared_->mutex);
    const Duration period = shared_->trust.trusted() ? options_.period : options_.first_period;
    if (shared_->wake.wait_for(lock, period, [&] { return shared_->stop; })) return;
    if (shared_->trust.GiveUpWaiting(period, options_.patience)) {
      TimerMetrics::Get().clock_trusted.Set(1);
      log::Warning("Redis does not tell the time; going by this machine's clock");
    }
  }
}

void ClockSync::Ask() {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->asking) return;
    shared_->asking = true;
  }
  const Duration sent = shared_->local.Monotonic();
  client_.Command({"TIME"}, options_.period,
                  [shared = shared_, sent](const absl::StatusOr<redis::Reply>& reply) {
                    const Duration received = shared->local.Monotonic();
                    const std::lock_guard lock(shared->mutex);
                    shared->asking = false;
                    shared->wake.notify_all();
                    if (!reply.ok()) return;
                    const std::optional<Time> source = ReadTime(*reply);
                    if (source.has_value()) shared->Take(*source, sent, received);
                  });
}

// Requires the lock.
void ClockSync::Shared::Take(Time source, Duration sent, Duration received) {
  const auto [slow, verdict, believed, correction, from_wall] = trust.Take(source, sent, received);
  if (slow) return;
  TimerMetrics& metrics = TimerMetrics::Get();
  metrics.clock_offset_seconds.Set(ToSeconds(from_wall));
  metrics.clock_correction_seconds.Set(ToSeconds(correction));
  metrics.clock_trusted.Set(trust.trusted() ? 1 : 0);
  if (verdict == ClockGuard::Verdict::kBelieveJump) {
    metrics.clock_jumps.Add();
    log::Warning("the suite's clock was moved", {{"seconds", ToSeconds(correction)}});
  }
  if (verdict == ClockGuard::Verdict::kDispute) metrics.clock_disputes.Add();

  // One line when it begins and one when it ends; the metrics tell the rest.
  const bool skewed = from_wall > skew_alarm || from_wall < -skew_alarm;
  const bool alarm = skewed || !believed;
  metrics.clock_skewed.Set(alarm ? 1 : 0);
  if (alarm != alarmed) {
    alarmed = alarm;
    log::Write(verdict == ClockGuard::Verdict::kDispute ? log::Level::kError
               : alarm                                  ? log::Level::kWarning
                                                        : log::Level::kInfo,
               alarm ? "clocks disagree: check time synchronisation of this machine and of Redis"
                     : "clocks agree again",
               {{"redis_minus_machine_seconds", ToSeconds(from_wall)},
                {"redis_minus_suite_seconds", ToSeconds(correction)},
                {"believed", believed}});
  }
}

}  // namespace invigil::session
