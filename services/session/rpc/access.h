// Whose session a caller may act on.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/auth/principal.h"
#include "common/telemetry/trace.h"
#include "services/session/domain/session_id.h"

namespace invigil::rpc {
class Guard;
struct Method;
}  // namespace invigil::rpc

namespace invigil::session {

// What a call came in by: who judges it, and as what.
struct Door {
  const rpc::Guard& guard;
  const rpc::Method& method;
};

// The id of the session a caller names, if its token may act on it. Whether the session is the
// caller's own is the domain's to say. Errors: INVALID_ARGUMENT (SESSION_ID_INVALID),
// PERMISSION_DENIED (TOKEN_OTHER_SESSION, with an audit line).
absl::StatusOr<SessionId> NamedSession(const Door& door, const auth::Principal& caller,
                                       const std::string& session_id,
                                       const telemetry::TraceContext& trace);

// On whose behalf a command runs: the candidate, or nobody in particular for an operator.
std::string Candidate(const auth::Principal& caller);

// Leaves an audit line, and a row in the journal, when `status` says that someone reached for what
// is not theirs.
void AuditRefusal(const Door& door, const absl::Status& status, const auth::Principal& caller,
                  const std::string& session_id, const telemetry::TraceContext& trace);

}  // namespace invigil::session
