#include "common/rpc/server.h"

#include <dlfcn.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "common/base/deadline.h"
#include "common/config/address.h"
#include "common/error/error.h"
#include "common/rpc/grpc_log.h"
#include "common/telemetry/admin_server.h"

namespace invigil::rpc {
namespace {

sigset_t TerminatingSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

// What /readyz and the gRPC health service say: one thing, so that whoever has waited for the one
// is not turned away by the other.
class Readiness {
 public:
  Readiness(grpc::HealthCheckServiceInterface* health, std::function<absl::Status()> ready)
      : health_(health), ready_(std::move(ready)) {}

  absl::Status Tell() {
    std::lock_guard lock(mutex_);
    if (draining_) return absl::UnavailableError("draining");
    if (!ready_) return absl::OkStatus();
    absl::Status status = ready_();
    if (std::exchange(serving_, status.ok()) == status.ok()) return status;
    if (health_ != nullptr) health_->SetServingStatus(status.ok());
    if (status.ok()) {
      log::Info("ready");
    } else {
      log::Warning("not ready", {{"why", std::string(status.message())}});
    }
    return status;
  }

  void Drain() {
    std::lock_guard lock(mutex_);
    draining_ = true;
    if (health_ != nullptr) health_->SetServingStatus(false);
  }

 private:
  grpc::HealthCheckServiceInterface* const health_;
  const std::function<absl::Status()> ready_;
  std::mutex mutex_;
  bool serving_ = true;
  bool draining_ = false;
};

// gRPC 1.51's callback threads doze after a second without traffic, and the next call then takes up
// to 90 ms. A health check inside the process five times a second keeps them awake; as often,
// readiness is looked at.
class Waker {
 public:
  Waker(grpc::Server& server, Readiness& readiness)
      : readiness_(readiness), stub_(server.InProcessChannel({})) {
    thread_ = std::thread([this] { Loop(); });
  }
  ~Waker() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

 private:
  struct Ping {
    grpc::ClientContext context;
    grpc::ByteBuffer request, response;
  };
  void Loop() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, Millis(200), [this] { return stopping_; })) {
      readiness_.Tell().IgnoreError();
      auto ping = std::make_shared<Ping>();
      grpc::Slice nothing;
      ping->request = grpc::ByteBuffer(&nothing, 1);
      ping->context.set_deadline(DeadlineAfter(Seconds(1)));
      stub_.UnaryCall(&ping->context, "/grpc.health.v1.Health/Check", {}, &ping->request,
                      &ping->response, [ping](grpc::Status) {});
    }
  }
  Readiness& readiness_;
  grpc::GenericStub stub_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

// The library puts itself into every server of the process as soon as it is loaded: linked, it
// would tell of the services whether asked for or not.
absl::Status LoadReflection() {
  if (::dlopen(INVIGIL_REFLECTION_LIBRARY, RTLD_NOW | RTLD_GLOBAL) != nullptr)
    return absl::OkStatus();
  return FailedPrecondition("FLAGS_INVALID", "--reflection: can't load " INVIGIL_REFLECTION_LIBRARY
                                             "; install it or leave the flag out");
}

// What follows would take a wrong one for a host on another machine, or notice only once it serves.
absl::Status CheckAddress(const std::string& flag, const std::string& address) {
  if (address.starts_with("unix:")) return absl::OkStatus();
  const auto parsed = config::ParseAddress(address);
  if (parsed.ok()) return absl::OkStatus();
  return InvalidArgument("ADDRESS_INVALID",
                         "--" + flag + ": " + std::string(parsed.status().message()));
}

class ServerImpl final : public Server {
 public:
  ServerImpl(std::string service, ServerOptions options)
      : service_(std::move(service)), options_(std::move(options)) {}
  ~ServerImpl() override { Drain(); }

  absl::Status Begin(const std::vector<grpc::Service*>& services,
                     std::function<absl::Status()> ready,
                     std::function<void(grpc::ServerBuilder&)> configure) {
    INVIGIL_RETURN_IF_ERROR(CheckAddress("listen", options_.listen));
    INVIGIL_RETURN_IF_ERROR(CheckAddress("admin", options_.admin));
    auto credentials = ServerCredentials(options_.tls, options_.listen);
    if (!credentials.ok()) return credentials.status();
    grpc::EnableDefaultHealthCheckService(true);
    if (options_.reflection) {
      if (absl::Status status = LoadReflection(); !status.ok()) return status;
    }
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options_.listen, *credentials, &port_);
    for (grpc::Service* service : services) builder.RegisterService(service);
    builder.SetMaxReceiveMessageSize(static_cast<int>(options_.max_receive_bytes));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                               static_cast<int>(options_.max_streams_per_connection));
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);  // nobody asks for its counters
    if (configure) configure(builder);
    server_ = builder.BuildAndStart();
    if (!server_ || port_ == 0) {
      return Unavailable("PORT_BUSY", "can't listen on " + options_.listen +
                                          ": the port is taken or the address is not this "
                                          "machine's; choose another with --listen");
    }
    // At once: a balancer may have asked already.
    readiness_ = std::make_unique<Readiness>(server_->GetHealthCheckService(), std::move(ready));
    readiness_->Tell().IgnoreError();
    waker_ = std::make_unique<Waker>(*server_, *readiness_);
    auto admin =
        telemetry::AdminServer::Start(options_.admin, [this] { return readiness_->Tell(); });
    if (!admin.ok()) return admin.status();
    admin_ = *std::move(admin);
    if (!options_.port_file.empty()) {
      const std::string aside = options_.port_file + ".new";
      std::ofstream(aside) << "port=" << port_ << "\nadmin_port=" << admin_->port() << "\n";
      if (std::rename(aside.c_str(), options_.port_file.c_str()) != 0) {
        return FailedPrecondition("FLAGS_INVALID",
                                  "--port-file: can't write " + options_.port_file);
      }
    }
    log::Info("serving",
              {{"port", port_}, {"admin_port", admin_->port()}, {"tls", options_.tls.enabled()}});
    return absl::OkStatus();
  }

  int port() const override { return port_; }
  int admin_port() const override { return admin_->port(); }

  void WaitForSignal() override {
    const sigset_t set = TerminatingSignals();
    int signal = 0;
    sigwait(&set, &signal);
    log::Info("signal received, draining", {{"signal", signal}});
  }

  void Drain() override {
    if (draining_.exchange(true) || !server_) return;
    if (readiness_) readiness_->Drain();
    waker_.reset();
    server_->Shutdown(DeadlineAfter(options_.drain_timeout));
    log::Info("drained");
  }

 private:
  const std::string service_;
  const ServerOptions options_;
  int port_ = 0;
  std::atomic<bool> draining_{false};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Readiness> readiness_;
  std::unique_ptr<Waker> waker_;
  std::unique_ptr<telemetry::AdminServer> admin_;
};

}  // namespace

void DeclareServerFlags(config::Flags& flags, ServerOptions* options) {
  flags.Section("Serving")
      .Text("listen", &options->listen, "HOST:PORT",
            "Where to serve gRPC; port 0 picks a free one.")
      .Text("admin", &options->admin, "HOST:PORT",
            "Where to serve /metrics, /livez and /readyz; keep it private.")
      .Text("port-file", &options->port_file, "FILE",
            "Gets `port=N` and `admin_port=N` once the process serves.")
      .Toggle("reflection", &options->reflection, "Serve gRPC reflection; for development only.")
      .Span("drain-timeout", &options->drain_timeout, Duration(0), Minutes(10),
            "On SIGTERM, how long running calls may take to finish.");
  flags.Section("Logging")
      .Text("log-level", &options->log_level, "LEVEL", "debug, info, warning or error.")
      .Text("log-file", &options->log_file, "FILE", "JSON lines go here instead of standard error.")
      .Text("instance", &options->instance, "NAME", "Which replica this is, in every log line.");
  DeclareTlsFlags(flags, &options->tls);
}

void PrepareProcess() {
  // Debian's abseil checks every lock of gRPC for deadlocks, for about 3 % of a busy server.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const sigset_t set = TerminatingSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

absl::Status StartLogging(const std::string& service, const ServerOptions& options) {
  log::Options log_options;
  log_options.service = service;
  log_options.instance = options.instance.empty() ? options.listen : options.instance;
  log_options.path = options.log_file;
  if (!log::ParseLevel(options.log_level, &log_options.level)) {
    return InvalidArgument("FLAGS_INVALID",
                           "--log-level: \"" + options.log_level +
                               "\" is not a level; use debug, info, warning or error");
  }
  log::Init(log_options);
  TakeGrpcLog();
  return absl::OkStatus();
}

int ExitWith(const std::string& program, const absl::Status& status) {
  log::Shutdown();
  std::fprintf(stderr, "%s: %s\n", program.c_str(), std::string(status.message()).c_str());
  for (const auto& [field, description] : ViewError(status).fields)
    std::fprintf(stderr, "  %s: %s\n", field.c_str(), description.c_str());
  return 1;
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const std::string& service, const ServerOptions& options,
    const std::vector<grpc::Service*>& services, std::function<absl::Status()> ready,
    std::function<void(grpc::ServerBuilder&)> configure) {
  auto server = std::make_unique<ServerImpl>(service, options);
  INVIGIL_RETURN_IF_ERROR(server->Begin(services, std::move(ready), std::move(configure)));
  return server;
}

}  // namespace invigil::rpc
