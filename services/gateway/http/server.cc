#include "services/gateway/http/server.h"

#include <boost/asio.hpp>
#include <optional>
#include <thread>

#include "common/config/address.h"
#include "common/error/error.h"
#include "services/gateway/http/loop.h"

namespace invigil::gateway {
namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;
using Code = boost::system::error_code;

class HttpServerImpl final : public HttpServer {
 public:
  HttpServerImpl(const HttpOptions& options, const Front& front, const Caller& caller,
                 const JsonCodec& codec)
      : shared_{.options = options, .front = front, .caller = caller, .codec = codec} {}

  ~HttpServerImpl() override {
    Drain(Duration(0));
    for (auto& loop : loops_) {
      loop->work.reset();
      loop->context.stop();
      if (loop->thread.joinable()) loop->thread.join();
    }
    shared_.beside.join();
  }

  absl::Status Begin() {
    const auto address = config::ParseAddress(shared_.options.listen);
    if (!address.ok()) return address.status();
    for (int64_t i = 0; i < shared_.options.threads; ++i)
      loops_.push_back(std::make_unique<Loop>());
    acceptor_.emplace(loops_[0]->context);
    Code error;
    const auto ip =
        net::ip::make_address(address->host == "localhost" ? "127.0.0.1" : address->host, error);
    if (error) {
      return InvalidArgument("ADDRESS_INVALID", "--http-listen: \"" + shared_.options.listen +
                                                    "\" must start with a numeric address");
    }
    const tcp::endpoint endpoint(ip, static_cast<uint16_t>(address->port));
    acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(1024, error);
    if (error) {
      return Unavailable("PORT_BUSY", "can't listen on " + shared_.options.listen + " (" +
                                          error.message() + "); choose another with --http-listen");
    }
    port_ = acceptor_->local_endpoint().port();
    Accept();
    for (auto& loop : loops_) loop->thread = std::thread([&l = *loop] { l.context.run(); });
    return absl::OkStatus();
  }

  int port() const override { return port_; }
  int64_t connections() const override { return shared_.connections; }

  void Drain(Duration timeout) override {
    if (drained_.exchange(true) || loops_.empty()) return;  // it may never have begun
    net::post(loops_[0]->context, [this] {
      Code ignored;
      acceptor_->close(ignored);
    });
    ForEachConnection([](HttpConnection& connection) { connection.Drain(); });
    if (!shared_.WaitUntilQuiet(timeout)) {
      ForEachConnection([](HttpConnection& connection) { connection.CancelCall(); });
      shared_.WaitUntilQuiet(Seconds(5));
    }
  }

 private:
  void Accept() {
    Loop& loop = *loops_[next_++ % loops_.size()];
    acceptor_->async_accept(loop.context, [this, &loop](Code error, tcp::socket socket) {
      if (!acceptor_->is_open()) return;
      if (!error) {
        Code gone;
        const auto peer = socket.remote_endpoint(gone);
        if (!gone && shared_.Admit(peer.address())) {
          net::post(loop.context, [this, &loop, peer, socket = std::move(socket)]() mutable {
            ServeConnection(std::move(socket), peer.address(), loop, shared_);
          });
        }
        return Accept();
      }
      // Out of descriptors, most likely: a moment later some may be free.
      pause_.emplace(loops_[0]->context, std::chrono::milliseconds(50));
      pause_->async_wait([this](Code) { Accept(); });
    });
  }

  void ForEachConnection(void (*act)(HttpConnection&)) {
    for (auto& loop : loops_) {
      net::post(loop->context, [l = loop.get(), act] {
        l->draining = true;
        // Copied, because a connection that ends leaves the set.
        std::vector<std::shared_ptr<HttpConnection>> all;
        for (HttpConnection* connection : l->connections)
          all.push_back(connection->shared_from_this());
        for (const auto& connection : all) act(*connection);
      });
    }
  }

  HttpShared shared_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<net::steady_timer> pause_;
  size_t next_ = 0;
  int port_ = 0;
  std::atomic<bool> drained_{false};
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpOptions& options,
                                                              const Front& front,
                                                              const Caller& caller,
                                                              const JsonCodec& codec) {
  auto server = std::make_unique<HttpServerImpl>(options, front, caller, codec);
  INVIGIL_RETURN_IF_ERROR(server->Begin());
  return server;
}

}  // namespace invigil::gateway
