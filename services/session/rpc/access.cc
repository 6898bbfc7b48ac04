#include "services/session/rpc/access.h"

#include "common/error/error.h"
#include "common/rpc/guard.h"

namespace invigil::session {

absl::StatusOr<SessionId> NamedSession(const Door& door, const auth::Principal& caller,
                                       const std::string& session_id,
                                       const telemetry::TraceContext& trace) {
  if (!caller.session_id.empty() && caller.session_id != session_id) {
    const absl::Status status =
        PermissionDenied("TOKEN_OTHER_SESSION",
                         "this token acts on another session only; use the sessionToken that "
                         "StartSession gave for this one");
    AuditRefusal(door, status, caller, session_id, trace);
    return status;
  }
  const auto id = SessionId::FromHex(session_id);
  if (!id)
    return InvalidArgument("SESSION_ID_INVALID", "the session id is not one StartSession gave")
        .Field("session_id", "must be 32 lower-case hexadecimal digits");
  return *id;
}

std::string Candidate(const auth::Principal& caller) {
  return caller.Has("candidate") ? caller.subject : std::string();
}

void AuditRefusal(const Door& door, const absl::Status& status, const auth::Principal& caller,
                  const std::string& session_id, const telemetry::TraceContext& trace) {
  if (status.code() != absl::StatusCode::kPermissionDenied) return;
  door.guard.Deny(door.method, status, caller, session_id, trace);
}

}  // namespace invigil::session
