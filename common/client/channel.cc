#include "common/client/channel.h"

#include <grpcpp/grpcpp.h>

#include "common/base/deadline.h"
#include "common/error/error.h"

namespace invigil::client {
namespace {

constexpr char kServiceConfig[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "healthCheckConfig": {"serviceName": ""}
})";

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const std::vector<std::string>& targets,
                                                       const rpc::TlsFiles& tls) {
  std::string target;
  for (const std::string& address : targets) {
    const size_t colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) {
      return InvalidArgument("ADDRESS_INVALID", "\"" + address + "\" is not HOST:PORT");
    }
    target += (target.empty() ? "" : ",") + address;
  }
  if (target.empty())
    return InvalidArgument("ADDRESS_INVALID", "no address given; use HOST:PORT[,HOST:PORT...]");
  const bool numeric = target.find_first_not_of("0123456789.:,") == std::string::npos;
  if (!numeric && targets.size() > 1) {
    return InvalidArgument("ADDRESS_INVALID",
                           "give several replicas by numeric address, or one DNS name that "
                           "resolves to all of them: \"" +
                               target + "\"");
  }
  auto credentials = rpc::ChannelCredentials(tls);
  if (!credentials.ok()) return credentials.status();
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(kServiceConfig);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // Also how long one attempt may take: a busy machine needs more than the pause between attempts.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetMaxReceiveMessageSize(16 * 1024 * 1024);
  return grpc::CreateCustomChannel((numeric ? "ipv4:" : "dns:///") + target, *credentials,
                                   arguments);
}

bool WaitUntilReady(grpc::Channel& channel, Duration limit) {
  return channel.WaitForConnected(DeadlineAfter(limit));
}

void Prepare(grpc::ClientContext& context, Duration time_left, const std::string& token,
             const telemetry::TraceContext& trace) {
  context.set_deadline(DeadlineAfter(time_left));
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  context.AddMetadata("traceparent", trace.Child().ToHeader());
}

}  // namespace invigil::client
