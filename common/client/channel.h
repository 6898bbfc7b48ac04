// Channels to other services and what every outgoing call carries.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "common/rpc/tls.h"
#include "common/telemetry/trace.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace invigil::client {

// A channel over all replicas of a service: round robin among those whose health check serves, so a
// draining or dead one is left at once. Keepalive finds peers that stopped without closing.
// `targets` are HOST:PORT (numeric addresses when more than one). Does not wait for a connection.
// Errors: INVALID_ARGUMENT (ADDRESS_INVALID), and those of rpc::ChannelCredentials.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const std::vector<std::string>& targets,
                                                       const rpc::TlsFiles& tls = {});

// Blocks until a replica is connected and healthy, at most `limit`: false when none is. For
// programs and tests that call right after Connect; a service's calls fail fast and are retried
// instead.
bool WaitUntilReady(grpc::Channel& channel, Duration limit = Seconds(10));

// Sets what every call between services carries: the deadline, `authorization: Bearer TOKEN` (none
// when empty) and the traceparent of a child span. `time_left` is what is left of the caller's own
// deadline, never a fresh full timeout.
void Prepare(grpc::ClientContext& context, Duration time_left, const std::string& token,
             const telemetry::TraceContext& trace);

}  // namespace invigil::client
