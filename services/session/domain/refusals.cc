#include "services/session/domain/refusals.h"

#include "absl/time/time.h"
#include "services/session/domain/clock.h"

namespace invigil::session {

std::string FormatTime(Time t) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixMicros(ToUnixMicros(t)),
                          absl::UTCTimeZone());
}

absl::Status NotFoundRefusal() {
  return NotFound("SESSION_NOT_FOUND", "no such session; start one with StartSession");
}

absl::Status NotYoursRefusal() {
  return PermissionDenied("SESSION_NOT_YOURS", "the session belongs to another candidate");
}

absl::Status NotWritableRefusal(const State& state) {
  const std::string name(StateName(state.state));
  if (state.sealed()) {
    const std::string end = state.ended_at ? FormatTime(*state.ended_at) : "";
    return FailedPrecondition("SESSION_SEALED",
                              "the session ended at " + end + "; what was stored by then counts")
        .With("end_time", end)
        .With("state", name);
  }
  return FailedPrecondition("SESSION_NOT_ACTIVE",
                            "the session is " + name + " and takes no responses; see GetSession")
      .With("state", name);
}

absl::Status TimeLeftRefusal(const State& state) {
  Error refusal = FailedPrecondition("DEADLINE_NOT_REACHED",
                                     "the session's time is not up: it was lengthened, or the "
                                     "client's clock is fast; see GetSession")
                      .With("deadline_version", std::to_string(state.deadline_version));
  if (const auto due = DueTime(state)) {
    refusal.With("deadline_us", std::to_string(ToUnixMicros(*due)));
  }
  return refusal;
}

absl::Status VoidedRefusal() {
  return FailedPrecondition("SESSION_VOIDED", "the session was declared not to count");
}

absl::Status CheckEpoch(const State& state, uint32_t epoch) {
  if (epoch == state.epoch) return absl::OkStatus();
  if (epoch < state.epoch) {
    return FailedPrecondition("EPOCH_STALE",
                              "another device took the session over; call GetSession, or "
                              "StartSession with take_over to write here")
        .With("epoch", std::to_string(state.epoch));
  }
  return FailedPrecondition("EPOCH_UNKNOWN",
                            "the session never had this epoch; take it from GetSession")
      .With("epoch", std::to_string(state.epoch));
}

}  // namespace invigil::session
