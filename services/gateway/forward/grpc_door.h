// The gRPC door: every method of every service behind one generic service, forwarded as bytes.
#pragma once

#include <array>
#include <memory>

#include "common/base/time.h"
#include "services/gateway/forward/catalogue.h"

namespace grpc {
class ServerBuilder;
}  // namespace grpc

namespace invigil::gateway {

class Backend;
class Front;

// Where calls go and how long they may take; used by both doors.
struct Routes {
  std::array<Backend*, kAreas> backends = {};  // by Area
  Duration default_deadline = Seconds(15);     // of unary calls that name none
  Duration max_deadline = Seconds(60);         // no unary call gets more
};

// Registers with a builder; must outlive the server. Thread-safe.
class GrpcDoor {
 public:
  // Both outlive this.
  GrpcDoor(const Front& front, const Routes& routes);
  ~GrpcDoor();
  void Register(grpc::ServerBuilder& builder);
  // Ends every stream with UNAVAILABLE (GATEWAY_DRAINING), now and from now on, so that clients go
  // elsewhere; unary calls are finished as ever.
  void EndStreams();

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace invigil::gateway
