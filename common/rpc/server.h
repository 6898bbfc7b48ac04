// The life of a gRPC server process: limits, health, reflection, admin port, readiness and drain.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "common/config/flags.h"
#include "common/log/log.h"
#include "common/rpc/tls.h"

namespace grpc {
class Service;
class ServerBuilder;
}  // namespace grpc

namespace invigil::rpc {

struct ServerOptions {
  std::string listen = "127.0.0.1:0";
  std::string admin = "127.0.0.1:0";
  std::string instance;  // which replica, in log lines; empty: the port
  int64_t max_receive_bytes = 256 * 1024;
  int64_t max_streams_per_connection = 10'000;
  bool reflection = false;
  Duration drain_timeout = Seconds(10);
  std::string log_level = "info";
  std::string log_file;  // empty: standard error
  // A file that gets "port=N\nadmin_port=N\n" once the process serves; how scripts find a port 0.
  std::string port_file;
  TlsFiles tls;
};

// Declares --listen, --admin, --instance, --reflection, --drain-timeout, --log-level, --log-file,
// --port-file and the TLS flags.
void DeclareServerFlags(config::Flags& flags, ServerOptions* options);

// First step of main(): terminating signals wait for Server::WaitForSignal, SIGPIPE is ignored.
// Call before any thread starts.
void PrepareProcess();
// Second step, after the flags: starts logging as the options say. Errors: INVALID_ARGUMENT
// (FLAGS_INVALID).
absl::Status StartLogging(const std::string& service, const ServerOptions& options);
// Prints "PROGRAM: MESSAGE" and the fields of an error on standard error; returns the exit
// status 1.
int ExitWith(const std::string& program, const absl::Status& status);

// Serves from Start until Drain. One thread owns it.
class Server {
 public:
  // `services` outlive it. `ready`: asked by /readyz, and five times a second for the gRPC health
  // service, so that balancers leave a replica that is not (thread-safe, quick).
  // `configure` may add to the builder (generic services, plugins). Errors: UNAVAILABLE (PORT_BUSY)
  // naming the address, and those of ServerCredentials.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const std::string& service, const ServerOptions& options,
      const std::vector<grpc::Service*>& services, std::function<absl::Status()> ready = nullptr,
      std::function<void(grpc::ServerBuilder&)> configure = nullptr);
  virtual ~Server() = default;
  virtual int port() const = 0;
  virtual int admin_port() const = 0;
  // Waits for SIGTERM or SIGINT.
  virtual void WaitForSignal() = 0;
  // Not ready and not serving for health checks, then no new calls, then running calls are finished
  // or cancelled after the drain timeout. Safe to call twice.
  virtual void Drain() = 0;
};

}  // namespace invigil::rpc
