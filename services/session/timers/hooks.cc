#include "services/session/timers/hooks.h"

#include <charconv>
#include <string>

#include "common/error/error.h"

namespace invigil::session {

absl::Status NotDue(Time deadline) {
  return FailedPrecondition("SESSION_NOT_DUE", "the session still runs")
      .With("deadline_us", std::to_string(ToUnixMicros(deadline)));
}

std::optional<Time> NotDueUntil(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kFailedPrecondition) return std::nullopt;
  const ErrorView view = ViewError(status);
  if (view.reason != "SESSION_NOT_DUE") return std::nullopt;
  for (const auto& [name, value] : view.metadata) {
    int64_t us = 0;
    if (name == "deadline_us" &&
        std::from_chars(value.data(), value.data() + value.size(), us).ec == std::errc()) {
      return FromUnixMicros(us);
    }
  }
  return std::nullopt;
}

absl::Status ExpireAnswer(const absl::Status& status) {
  if (status.ok()) return status;
  const ErrorView error = ViewError(status);
  // Nothing to end, or no clock that runs: no timer is needed.
  if (error.reason == "SESSION_NOT_FOUND") return absl::OkStatus();
  for (const auto& [name, value] : error.metadata) {
    int64_t us = 0;
    if (name == "deadline_us" &&
        std::from_chars(value.data(), value.data() + value.size(), us).ec == std::errc()) {
      return NotDue(FromUnixMicros(us));
    }
  }
  return error.reason == "DEADLINE_NOT_REACHED" ? absl::OkStatus() : status;
}

}  // namespace invigil::session
