// Who may call what: the policies stated in the protos, enforced by every service again, whatever
// the gateway did before.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/auth/token.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/trace.h"

namespace google::protobuf {
class DescriptorPool;
class MethodDescriptor;
class ServiceDescriptor;
}  // namespace google::protobuf
namespace grpc {
class ServerContextBase;
}
namespace invigil::common::v1 {
class MethodPolicy;
}

namespace invigil::rpc {

// One method of one service as the guard knows it. Lives as long as its guard.
struct Method {
  std::string path;                   // /invigil.session.v1.DeliveryService/SaveResponses
  std::string name;                   // SaveResponses
  std::vector<std::string> roles;     // lower case; one of them suffices
  std::vector<std::string> services;  // for the role "service"; empty: any
  telemetry::Histogram* seconds = nullptr;
  telemetry::Counter* ok = nullptr;
};

// The method's policy, checked: exposure, idempotency and lane stated, and roles given.
// Errors: FAILED_PRECONDITION (POLICY_MISSING) naming the method.
absl::StatusOr<const common::v1::MethodPolicy*> PolicyOf(
    const google::protobuf::MethodDescriptor& method);
// "candidate" for ROLE_CANDIDATE and so on.
std::vector<std::string> RoleNames(const common::v1::MethodPolicy& policy);
// One of `roles`, and for a service one of `services`. Errors: PERMISSION_DENIED (ROLE_MISSING)
// naming what is needed.
absl::Status CheckRole(const auth::Principal& caller, const std::vector<std::string>& roles,
                       const std::vector<std::string>& services);

// A caller whose token was verified and whose role suffices.
struct Caller {
  std::shared_ptr<const auth::Principal> principal;
  telemetry::TraceContext trace;
};

// A call that was refused for who made it.
struct Denial {
  std::string_view method;   // its path
  std::string_view reason;   // as ROLE_MISSING
  std::string_view subject;  // empty: the token is not to be believed
  std::string_view session;  // that the call named, unchecked; empty: none is known
};

// The verifier of a service: keys from the JWKS file, reloads logged. Errors: KEYS_UNUSABLE.
absl::StatusOr<std::unique_ptr<auth::TokenVerifier>> OpenVerifier(const std::string& jwks_path,
                                                                  const Clock& clock);

// Thread-safe after construction. `verifier` outlives it.
class Guard {
 public:
  // `services`: full names, such as "invigil.session.v1.DeliveryService"; their protos are linked
  // in. Errors: FAILED_PRECONDITION (POLICY_MISSING).
  static absl::StatusOr<std::unique_ptr<Guard>> Create(auth::TokenVerifier& verifier,
                                                       const std::vector<std::string>& services);

  // Every call is refused with what `gate` says, before its token is looked at, until it says OK:
  // for a process that must not judge anything yet. Thread-safe, quick. Call before serving.
  void CloseWhile(std::function<absl::Status()> gate) { gate_ = std::move(gate); }

  // Tells `sink` of every denial, besides the audit line. Thread-safe, quick. Call before serving.
  void TellDenials(std::function<void(const Denial&)> sink) { sink_ = std::move(sink); }

  // `path` as in Method::path; an unknown one is a bug and stops the process.
  const Method& Find(const std::string& path) const;

  // The trace the call belongs to; a new one when it names none.
  static telemetry::TraceContext TraceOf(const grpc::ServerContextBase& context);
  // Verifies the call's token and role. Errors: UNAUTHENTICATED (TOKEN_MISSING and those of
  // TokenVerifier), PERMISSION_DENIED (ROLE_MISSING); each leaves an audit line. And those of the
  // gate. `session`: what the request names, for the audit.
  absl::StatusOr<Caller> Admit(const grpc::ServerContextBase& context, const Method& method,
                               std::string_view session = {}) const;
  // A caller who was admitted reached for what is not theirs: leaves an audit line.
  void Deny(const Method& method, const absl::Status& status, const auth::Principal& caller,
            std::string_view session, const telemetry::TraceContext& trace) const;

 private:
  explicit Guard(auth::TokenVerifier& verifier) : verifier_(verifier) {}
  auth::TokenVerifier& verifier_;
  std::function<absl::Status()> gate_;
  std::function<void(const Denial&)> sink_;
  std::unordered_map<std::string, Method> methods_;
};

// Counts and logs the end of a call; used by UnaryCall and by streams.
void RecordEnd(const Method& method, const telemetry::TraceContext& trace,
               const absl::Status& status, Duration took);

}  // namespace invigil::rpc
