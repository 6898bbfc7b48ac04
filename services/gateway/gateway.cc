#include "services/gateway/gateway.h"

#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

#include "common/error/error.h"
#include "services/gateway/forward/backend.h"
#include "services/gateway/forward/front.h"
#include "services/gateway/forward/grpc_door.h"

namespace invigil::gateway {
namespace {

// A request just over a method's limit should meet the gateway's own answer, which names the limit,
// and not gRPC's.
constexpr int64_t kReceiveSlack = 64 * 1024;

class GatewayImpl final : public Gateway {
 public:
  GatewayImpl(GatewayOptions options, auth::TokenVerifier& verifier, const Clock& clock,
              std::unique_ptr<Catalogue> catalogue)
      : options_(std::move(options)),
        catalogue_(std::move(catalogue)),
        codec_(catalogue_->pool()),
        gate_(verifier, *catalogue_),
        lanes_(options_.lanes),
        front_(*catalogue_, gate_, lanes_, clock) {}

  ~GatewayImpl() override { Drain(); }

  absl::Status Begin() {
    std::vector<Backend*> all;
    for (size_t i = 0; i < kAreas; ++i) {
      auto backend = Backend::Create(std::string(AreaName(static_cast<Area>(i))),
                                     options_.backends[i], options_.server.tls);
      if (!backend.ok()) return backend.status();
      backends_[i] = *std::move(backend);
      all.push_back(routes_.backends[i] = backends_[i].get());
    }
    routes_.default_deadline = options_.default_deadline;
    routes_.max_deadline = options_.max_deadline;
    health_ = std::make_unique<HealthWatch>(all, options_.health_interval, options_.health_timeout);
    auto http = HttpServer::Start(options_.http, front_, caller_, codec_);
    if (!http.ok()) return http.status();
    http_ = *std::move(http);

    rpc::ServerOptions server = options_.server;
    server.max_receive_bytes = static_cast<int64_t>(catalogue_->LargestRequest()) + kReceiveSlack;
    server.port_file.clear();  // it is written below, with the HTTP port
    auto started = rpc::Server::Start(
        "gateway", server, {}, [this] { return Ready(); },
        [this](grpc::ServerBuilder& builder) { door_.Register(builder); });
    if (!started.ok()) return started.status();
    server_ = *std::move(started);
    return WritePorts();
  }

  int grpc_port() const override { return server_->port(); }
  int http_port() const override { return http_->port(); }
  int admin_port() const override { return server_->admin_port(); }
  void WaitForSignal() override { server_->WaitForSignal(); }

  void Drain() override {
    if (drained_.exchange(true)) return;
    door_.EndStreams();
    std::thread http;
    if (http_) http = std::thread([this] { http_->Drain(options_.server.drain_timeout); });
    if (server_) server_->Drain();
    if (http.joinable()) http.join();
  }

 private:
  // A gateway that reaches no replica of the session service is of no use to a candidate; without
  // the others, running exams go on.
  absl::Status Ready() const {
    const auto& session = backends_[static_cast<size_t>(Area::kSession)];
    if (session->AnyHealthy()) return absl::OkStatus();
    return absl::UnavailableError("no replica of the session service is healthy");
  }

  absl::Status WritePorts() const {
    const std::string& path = options_.server.port_file;
    if (path.empty()) return absl::OkStatus();
    const std::string aside = path + ".new";
    std::ofstream(aside) << "port=" << grpc_port() << "\nadmin_port=" << admin_port()
                         << "\nhttp_port=" << http_port() << "\n";
    if (std::rename(aside.c_str(), path.c_str()) == 0) return absl::OkStatus();
    return FailedPrecondition("FLAGS_INVALID", "--port-file: can't write " + path);
  }

  // Members stop in the reverse of this order: doors first, then what they use.
  const GatewayOptions options_;
  const std::unique_ptr<Catalogue> catalogue_;
  const JsonCodec codec_;
  const Gate gate_;
  Lanes lanes_;
  const Front front_;
  std::array<std::unique_ptr<Backend>, kAreas> backends_;
  Routes routes_;
  const Caller caller_{front_, routes_};
  GrpcDoor door_{front_, routes_};
  std::unique_ptr<HealthWatch> health_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<rpc::Server> server_;
  std::atomic<bool> drained_{false};
};

}  // namespace

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(GatewayOptions options,
                                                        auth::TokenVerifier& verifier,
                                                        const Clock& clock) {
  auto catalogue = Catalogue::Load(BuiltInDescriptors());
  if (!catalogue.ok()) return catalogue.status();
  auto gateway =
      std::make_unique<GatewayImpl>(std::move(options), verifier, clock, *std::move(catalogue));
  INVIGIL_RETURN_IF_ERROR(gateway->Begin());
  return gateway;
}

}  // namespace invigil::gateway
