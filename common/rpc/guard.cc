#include "common/rpc/guard.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/server_context.h>

#include <cstdlib>

#include "common/auth/bearer.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "invigil/common/v1/policy.pb.h"

namespace invigil::rpc {
namespace {

std::string_view Metadata(const grpc::ServerContextBase& context, const char* name) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find(name);
  return it == metadata.end() ? std::string_view()
                              : std::string_view(it->second.data(), it->second.size());
}

std::string Join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " or ") + word;
  return out;
}

}  // namespace

absl::StatusOr<const common::v1::MethodPolicy*> PolicyOf(
    const google::protobuf::MethodDescriptor& method) {
  const auto& policy = method.options().GetExtension(common::v1::policy);
  if (policy.exposure() == common::v1::EXPOSURE_UNSPECIFIED ||
      policy.idempotency() == common::v1::IDEMPOTENCY_UNSPECIFIED ||
      policy.lane() == common::v1::LANE_UNSPECIFIED || policy.roles().empty()) {
    return FailedPrecondition(
        "POLICY_MISSING",
        "the proto of " + method.full_name() +
            " must state exposure, roles, idempotency and lane in invigil.common.v1.policy");
  }
  return &policy;
}

std::vector<std::string> RoleNames(const common::v1::MethodPolicy& policy) {
  std::vector<std::string> names;
  for (const int role : policy.roles()) {
    std::string name = common::v1::Role_Name(static_cast<common::v1::Role>(role))
                           .substr(std::string("ROLE_").size());
    for (char& c : name) c = static_cast<char>(c - 'A' + 'a');
    names.push_back(name);
  }
  return names;
}

absl::Status CheckRole(const auth::Principal& caller, const std::vector<std::string>& roles,
                       const std::vector<std::string>& services) {
  for (const std::string& role : roles) {
    if (!caller.Has(role)) continue;
    if (role != "service" || services.empty() ||
        std::find(services.begin(), services.end(), caller.subject) != services.end())
      return absl::OkStatus();
  }
  return PermissionDenied("ROLE_MISSING",
                          "this method needs the role " + Join(roles) +
                              (services.empty() ? "" : " (of " + Join(services) + ")") +
                              "; the token has " +
                              (caller.roles.empty() ? "none" : Join(caller.roles)));
}

absl::StatusOr<std::unique_ptr<auth::TokenVerifier>> OpenVerifier(const std::string& jwks_path,
                                                                  const Clock& clock) {
  auth::TokenVerifier::Options options;
  options.jwks_path = jwks_path;
  options.on_reload = [](const absl::Status& status) {
    if (status.ok()) return log::Info("token keys changed");
    log::Warning("the token keys of before stay", {{"error", std::string(status.message())}});
  };
  return auth::TokenVerifier::Create(std::move(options), clock);
}

absl::StatusOr<std::unique_ptr<Guard>> Guard::Create(auth::TokenVerifier& verifier,
                                                     const std::vector<std::string>& services) {
  std::unique_ptr<Guard> guard(new Guard(verifier));
  for (const std::string& name : services) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    if (!service)
      return FailedPrecondition("POLICY_MISSING",
                                "the service " + name + " is not linked into this program");
    for (int i = 0; i < service->method_count(); ++i) {
      const auto& descriptor = *service->method(i);
      const auto policy = PolicyOf(descriptor);
      if (!policy.ok()) return policy.status();
      Method method;
      method.path = "/" + name + "/" + descriptor.name();
      method.name = descriptor.name();
      method.roles = RoleNames(**policy);
      method.services.assign((*policy)->services().begin(), (*policy)->services().end());
      method.seconds = &telemetry::GetHistogram("invigil_rpc_seconds",
                                                "Time from a call's arrival to its answer.", {},
                                                {{"method", method.name}});
      method.ok = &telemetry::GetCounter("invigil_rpc_total", "Calls by method and code.",
                                         {{"method", method.name}, {"code", "OK"}});
      guard->methods_.emplace(method.path, method);
    }
  }
  return guard;
}

const Method& Guard::Find(const std::string& path) const {
  const auto it = methods_.find(path);
  if (it == methods_.end()) {
    log::Error("no such method in the protos", {{"method", path}});
    log::Shutdown();
    std::abort();
  }
  return it->second;
}

telemetry::TraceContext Guard::TraceOf(const grpc::ServerContextBase& context) {
  return telemetry::TraceContext::FromHeader(Metadata(context, "traceparent"));
}

absl::StatusOr<Caller> Guard::Admit(const grpc::ServerContextBase& context, const Method& method,
                                    std::string_view session) const {
  Caller caller;
  caller.trace = TraceOf(context);
  if (gate_) INVIGIL_RETURN_IF_ERROR(gate_());
  const std::string_view token = auth::BearerToken(Metadata(context, "authorization"));
  absl::Status status;
  if (token.empty()) {
    status = Unauthenticated("TOKEN_MISSING", "send the metadata `authorization: Bearer TOKEN`");
  } else if (auto principal = verifier_.Verify(token); !principal.ok()) {
    status = principal.status();
  } else {
    caller.principal = *std::move(principal);
    status = CheckRole(*caller.principal, method.roles, method.services);
  }
  if (status.ok()) return caller;
  telemetry::GetCounter("invigil_auth_denied_total", "Calls refused for their identity.",
                        {{"method", method.name}})
      .Add();
  log::Audit("access_denied", std::string(status.message()),
             {{"method", method.path},
              {"reason", ReasonOf(status)},
              {"subject", caller.principal ? caller.principal->subject : ""},
              {"trace_id", caller.trace.trace_id}});
  if (sink_) {
    const std::string reason = ReasonOf(status);
    sink_({.method = method.path,
           .reason = reason,
           .subject = caller.principal ? std::string_view(caller.principal->subject) : "",
           .session = session});
  }
  return status;
}

void Guard::Deny(const Method& method, const absl::Status& status, const auth::Principal& caller,
                 std::string_view session, const telemetry::TraceContext& trace) const {
  const std::string reason = ReasonOf(status);
  log::Audit("foreign_session", std::string(status.message()),
             {{"method", method.path},
              {"reason", reason},
              {"subject", caller.subject},
              {"session", session.substr(0, 64)},
              {"trace_id", trace.trace_id}});
  if (sink_) {
    sink_({.method = method.path, .reason = reason, .subject = caller.subject, .session = session});
  }
}

void RecordEnd(const Method& method, const telemetry::TraceContext& trace,
               const absl::Status& status, Duration took) {
  method.seconds->Observe(static_cast<double>(took.count()) * 1e-6);
  if (status.ok()) {
    method.ok->Add();
    return;
  }
  const std::string code = absl::StatusCodeToString(status.code());
  telemetry::GetCounter("invigil_rpc_total", "Calls by method and code.",
                        {{"method", method.name}, {"code", code}})
      .Add();
  log::Info("call refused", {{"method", method.name},
                             {"code", code},
                             {"reason", ReasonOf(status)},
                             {"error", std::string(status.message())},
                             {"trace_id", trace.trace_id}});
}

}  // namespace invigil::rpc
