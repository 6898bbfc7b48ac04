// One wording for each refusal that more than one command makes.
#pragma once

#include <string>

#include "common/error/error.h"
#include "services/session/domain/session.h"

namespace invigil::session {

// As "2026-11-24T10:00:00.000000Z".
std::string FormatTime(Time t);

absl::Status NotFoundRefusal();
absl::Status NotYoursRefusal();
// Why a session that is not ACTIVE takes no writes: SESSION_SEALED or SESSION_NOT_ACTIVE.
absl::Status NotWritableRefusal(const State& state);
// The session's own clock has not ended it; with what it is at.
absl::Status TimeLeftRefusal(const State& state);
absl::Status VoidedRefusal();
// OK when `epoch` is the session's.
absl::Status CheckEpoch(const State& state, uint32_t epoch);

}  // namespace invigil::session
