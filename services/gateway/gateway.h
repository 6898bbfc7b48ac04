// The whole gateway, from options to two open doors. main() and the tests build the same thing.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/auth/token.h"
#include "common/base/clock.h"
#include "common/rpc/server.h"
#include "services/gateway/admission/lanes.h"
#include "services/gateway/http/server.h"

namespace invigil::gateway {

struct GatewayOptions {
  rpc::ServerOptions server;  // the gRPC door, the admin port, TLS, drain
  HttpOptions http;
  std::array<std::vector<std::string>, kAreas> backends;  // HOST:PORT of replicas, by Area
  Duration default_deadline = Seconds(15);
  Duration max_deadline = Seconds(60);
  Duration health_interval = Millis(250);
  Duration health_timeout = Seconds(1);
  LaneLimits lanes;
};

// Serves from Start until Drain. One thread owns it.
class Gateway {
 public:
  // `verifier` and `clock` outlive it. Errors: those of Catalogue::Load, Backend::Create,
  // HttpServer::Start and rpc::Server::Start; nothing is left running then.
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(GatewayOptions options,
                                                        auth::TokenVerifier& verifier,
                                                        const Clock& clock);
  virtual ~Gateway() = default;
  virtual int grpc_port() const = 0;
  virtual int http_port() const = 0;
  virtual int admin_port() const = 0;
  virtual void WaitForSignal() = 0;
  // Not ready, no new connections, streams ended so that clients go elsewhere, running calls
  // finished or, after the drain timeout, cancelled. Safe to call twice.
  virtual void Drain() = 0;
};

}  // namespace invigil::gateway
