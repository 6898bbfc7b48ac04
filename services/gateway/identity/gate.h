// Who may call: bearer token, role, and the one session a session token is for. Deny by default.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/auth/token.h"
#include "common/telemetry/metrics.h"
#include "services/gateway/forward/catalogue.h"

namespace invigil::gateway {

// Every refusal is counted (invigil_auth_denied_total) and leaves an audit line. Thread-safe.
class Gate {
 public:
  // Both outlive this.
  Gate(auth::TokenVerifier& verifier, const Catalogue& catalogue);

  // `authorization` as it came, "Bearer TOKEN". Errors: UNAUTHENTICATED (TOKEN_MISSING and those of
  // TokenVerifier), PERMISSION_DENIED (ROLE_MISSING).
  absl::StatusOr<std::shared_ptr<const auth::Principal>> Admit(const Method& method,
                                                               std::string_view authorization,
                                                               std::string_view traceparent) const;

  // A token with a session id is good for requests that name that session, and for nothing else.
  // `routing_value` is empty when the request names none. Errors: PERMISSION_DENIED
  // (TOKEN_OTHER_SESSION).
  absl::Status CheckSession(const Method& method, const auth::Principal& caller,
                            std::string_view routing_value, std::string_view traceparent) const;

 private:
  void RecordRefusal(const Method& method, const absl::Status& status, std::string_view subject,
                     std::string_view traceparent) const;

  auth::TokenVerifier& verifier_;
  std::vector<telemetry::Counter*> denied_;  // by Method::index
};

}  // namespace invigil::gateway
