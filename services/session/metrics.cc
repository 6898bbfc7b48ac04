#include "services/session/metrics.h"

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/telemetry/metrics.h"

namespace invigil::session {

EngineHooks MetricsHooks() {
  auto& commands =
      telemetry::GetHistogram("invigil_session_commit_batch_size", "Commands in one transaction.",
                              {1, 2, 4, 8, 16, 32, 64, 128});
  auto& seconds = telemetry::GetHistogram("invigil_session_commit_seconds",
                                          "From opening a transaction to its commit.");
  auto& events =
      telemetry::GetCounter("invigil_session_events_total", "Events appended to the log.");
  auto& failures = telemetry::GetCounter("invigil_session_store_failures_total",
                                         "Transactions that failed as a whole.");
  EngineHooks hooks;
  hooks.on_batch = [&](const BatchReport& batch) {
    commands.Observe(static_cast<double>(batch.commands));
    seconds.Observe(static_cast<double>(batch.duration.count()) * 1e-6);
    events.Add(static_cast<double>(batch.events));
  };
  hooks.on_store_failure = [&](const absl::Status& status) {
    failures.Add();
    log::Error("a transaction failed; nothing in it was acknowledged",
               {{"reason", ReasonOf(status)}, {"error", std::string(status.message())}});
  };
  return hooks;
}

}  // namespace invigil::session
