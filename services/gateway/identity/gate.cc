#include "services/gateway/identity/gate.h"

#include <string>

#include "common/auth/bearer.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/guard.h"

namespace invigil::gateway {
Gate::Gate(auth::TokenVerifier& verifier, const Catalogue& catalogue) : verifier_(verifier) {
  for (const auto& method : catalogue.methods()) {
    denied_.push_back(&telemetry::GetCounter("invigil_auth_denied_total",
                                             "Calls refused for their identity.",
                                             {{"method", method->name}}));
  }
}

absl::StatusOr<std::shared_ptr<const auth::Principal>> Gate::Admit(
    const Method& method, std::string_view authorization, std::string_view traceparent) const {
  const std::string_view token = auth::BearerToken(authorization);
  if (token.empty()) {
    const absl::Status status = Unauthenticated(
        "TOKEN_MISSING", "send `authorization: Bearer TOKEN`; `invigil token` makes one");
    RecordRefusal(method, status, "", traceparent);
    return status;
  }
  auto principal = verifier_.Verify(token);
  if (!principal.ok()) {
    RecordRefusal(method, principal.status(), "", traceparent);
    return principal;
  }
  const absl::Status role = rpc::CheckRole(**principal, method.roles, method.services);
  if (!role.ok()) {
    RecordRefusal(method, role, (*principal)->subject, traceparent);
    return role;
  }
  return principal;
}

absl::Status Gate::CheckSession(const Method& method, const auth::Principal& caller,
                                std::string_view routing_value,
                                std::string_view traceparent) const {
  if (caller.session_id.empty()) return absl::OkStatus();
  if (method.routes_by_session && routing_value == caller.session_id) return absl::OkStatus();
  absl::Status status = PermissionDenied(
      "TOKEN_OTHER_SESSION",
      method.routes_by_session
          ? "this token acts on one session only, and session_id names another "
            "or none; use the token StartSession gave for it"
          : "this token acts on one session only; use the caller's own token here");
  RecordRefusal(method, status, caller.subject, traceparent);
  return status;
}

void Gate::RecordRefusal(const Method& method, const absl::Status& status, std::string_view subject,
                         std::string_view traceparent) const {
  denied_[method.index]->Add();
  const std::string reason = ReasonOf(status);
  log::Audit(
      "access_denied", std::string_view(status.message().data(), status.message().size()),
      {{"method", method.path},
       {"reason", reason},
       {"subject", subject},
       {"trace_id", traceparent.size() == 55 ? traceparent.substr(3, 32) : std::string_view()}});
}

}  // namespace invigil::gateway
