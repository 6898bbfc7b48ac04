// Whose session a caller may act on.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/auth/principal.h"
#include "common/telemetry/trace.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

// The id of the session a caller names, if its token may act on it. Whether the session is the
// caller's own is the domain's to say. Errors: INVALID_ARGUMENT (SESSION_ID_INVALID),
// PERMISSION_DENIED (TOKEN_OTHER_SESSION, with an audit line).
absl::StatusOr<SessionId> NamedSession(const auth::Principal& caller, const std::string& session_id,
                                       const telemetry::TraceContext& trace);

// On whose behalf a command runs: the candidate, or nobody in particular for an operator.
std::string Candidate(const auth::Principal& caller);

// Leaves an audit line when `status` says that someone reached for what is not theirs.
void AuditRefusal(const absl::Status& status, const auth::Principal& caller,
                  const std::string& session_id, const telemetry::TraceContext& trace);

}  // namespace invigil::session
