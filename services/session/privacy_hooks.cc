#include "services/session/privacy_hooks.h"

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/telemetry/metrics.h"

namespace invigil::session {

void DeclareRetentionFlags(config::Flags& flags, privacy::Policy* policy) {
  constexpr int64_t kMostDays = 36'500;
  flags.Section("Retention, in days; 0 keeps for ever")
      .Number("keep-sessions", &policy->sessions, 0, kMostDays,
              "Sessions made so long ago lose their candidate; responses and results stay.")
      .Number("keep-words", &policy->words, 0, kMostDays,
              "Messages, reports, notes and reasons of sessions made so long ago.")
      .Number("keep-registrations", &policy->registrations, 0, kMostDays,
              "Registrations that were closed or cancelled so long ago.")
      .Number("keep-journal", &policy->journal, 0, kMostDays,
              "Rows of the audit journal; what is left still proves itself.");
}

Denials::Write RemarkThrough(SessionEngine& engine) {
  return [&engine](Remark remark) {
    engine.AddRemark(std::move(remark), [](const absl::Status& status) {
      if (status.ok()) return;
      static auto& lost = telemetry::GetCounter("invigil_session_denials_lost_total",
                                                "Denied calls that have no row in the journal.");
      lost.Add();
      log::Warning("a denied call has no row in the journal",
                   {{"reason", ReasonOf(status)}, {"error", std::string(status.message())}});
    });
  };
}

std::function<absl::Status(Remark)> RemarkAtOnce(SessionEngine& engine) {
  return [&engine](Remark remark) {
    // Shared: the engine may still be inside set_value when this goes on.
    const auto done = std::make_shared<std::promise<absl::Status>>();
    auto stored = done->get_future();
    engine.AddRemark(std::move(remark),
                     [done](absl::Status status) { done->set_value(std::move(status)); });
    return stored.get();
  };
}

std::function<void(const SessionId&)> ReloadThrough(SessionEngine& engine) {
  return [&engine](const SessionId& session) {
    engine.Reload(session, [](const absl::Status& status) {
      if (status.ok()) return;
      log::Warning("a session whose candidate was erased stays in memory for now",
                   {{"error", std::string(status.message())}});
    });
  };
}

std::function<void(const SessionId&)> ReloadAtOnce(SessionEngine& engine) {
  return [&engine](const SessionId& session) {
    // Shared: the engine may still be inside set_value when this goes on.
    const auto done = std::make_shared<std::promise<void>>();
    engine.Reload(session, [done](const absl::Status& status) {
      if (!status.ok()) {
        log::Warning("a session whose candidate was erased stays in memory for now",
                     {{"error", std::string(status.message())}});
      }
      done->set_value();
    });
    done->get_future().wait();
  };
}

privacy::Housekeeper::Hooks HousekeepingHooks(SessionEngine& engine) {
  privacy::Housekeeper::Hooks hooks;
  hooks.reload = [&engine](const SessionId& session, privacy::Housekeeper::Hooks::Done done) {
    engine.Reload(session, std::move(done));
  };
  hooks.failed = [](const absl::Status& status) {
    log::Warning("erasures and retention wait; they are tried again",
                 {{"error", std::string(status.message())}});
  };
  hooks.kept = [](const std::vector<privacy::Kept>& kinds) {
    for (const privacy::Kept& kept : kinds) {
      if (kept.days == 0) continue;
      telemetry::GetCounter("invigil_session_retention_total",
                            "Records taken out because they were kept long enough.",
                            {{"kind", kept.kind}})
          .Add(static_cast<double>(kept.done));
      if (kept.done == 0 && kept.error.empty()) continue;
      log::Info(
          "what was kept long enough is gone",
          {{"kind", kept.kind}, {"days", kept.days}, {"done", kept.done}, {"error", kept.error}});
    }
  };
  return hooks;
}

}  // namespace invigil::session
