#include "common/telemetry/admin_server.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <string_view>
#include <thread>
#include <utility>

#include "common/config/address.h"
#include "common/error/error.h"
#include "common/telemetry/listen.h"
#include "common/telemetry/metrics.h"

namespace invigil::telemetry {
namespace {

constexpr int kMaxHeaderBytes = 8 * 1024;
constexpr int kMaxBodyBytes = 1024;
constexpr int kIdleSeconds = 10;
// Known methods, so that they are refused with 405 and not taken for nonsense.
constexpr auto kMethods =
    static_cast<uint16_t>(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                          EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);

void Reply(evhttp_request* request, int code, const char* reason, std::string_view body,
           const char* type = "text/plain; charset=utf-8") {
  evkeyvalq* headers = evhttp_request_get_output_headers(request);
  evhttp_add_header(headers, "Content-Type", type);
  evhttp_add_header(headers, "Cache-Control", "no-store");
  evbuffer_add(evhttp_request_get_output_buffer(request), body.data(), body.size());
  evhttp_send_reply(request, code, reason, nullptr);
}

class EventAdminServer final : public AdminServer {
 public:
  EventAdminServer(Listener listener, std::function<absl::Status()> ready)
      : port_(listener.port), ready_(std::move(ready)), stop_fd_(eventfd(0, EFD_CLOEXEC)) {
    base_ = event_base_new();
    http_ = evhttp_new(base_);
    evhttp_set_allowed_methods(http_, kMethods);
    evhttp_set_max_headers_size(http_, kMaxHeaderBytes);
    evhttp_set_max_body_size(http_, kMaxBodyBytes);
    evhttp_set_timeout(http_, kIdleSeconds);
    evhttp_set_gencb(http_, &OnRequest, this);
    evhttp_accept_socket(http_, listener.fd);  // takes the socket over
    stop_event_ = event_new(base_, stop_fd_, EV_READ, &OnStop, base_);
    event_add(stop_event_, nullptr);
    thread_ = std::thread([this] { Run(); });
  }

  ~EventAdminServer() override {
    const uint64_t one = 1;
    // Eight bytes to a fresh eventfd are always taken.
    if (write(stop_fd_, &one, sizeof one) != sizeof one) std::terminate();
    thread_.join();
    event_free(stop_event_);
    evhttp_free(http_);
    event_base_free(base_);
    close(stop_fd_);
  }

  int port() const override { return port_; }

 private:
  void Run() {
    // Signals belong to the main thread; and a reader who hangs up must not end the process by
    // SIGPIPE.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pthread_setname_np(pthread_self(), "admin");
    event_base_dispatch(base_);
  }

  static void OnStop(evutil_socket_t, short, void* base) {
    event_base_loopbreak(static_cast<event_base*>(base));
  }

  static void OnRequest(evhttp_request* request, void* self) {
    static_cast<EventAdminServer*>(self)->Answer(request);
  }

  void Answer(evhttp_request* request) {
    if (evhttp_request_get_command(request) != EVHTTP_REQ_GET) {
      evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET");
      return Reply(request, 405, "Method Not Allowed", "only GET\n");
    }
    const char* raw_path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    const std::string_view path = raw_path ? raw_path : "";
    if (path == "/metrics") {
      return Reply(request, 200, "OK", RenderMetrics(), "text/plain; version=0.0.4; charset=utf-8");
    }
    if (path == "/livez") return Reply(request, 200, "OK", "alive\n");
    if (path == "/readyz") return AnswerReady(request);
    Reply(request, 404, "Not Found", "try /metrics, /livez or /readyz\n");
  }

  void AnswerReady(evhttp_request* request) {
    const absl::Status status = ready_();
    if (status.ok()) return Reply(request, 200, "OK", "ready\n");
    const std::string reason = ReasonOf(status);
    Reply(request, 503, "Service Unavailable",
          "not ready: " + (reason.empty() ? "" : reason + ": ") + std::string(status.message()) +
              "\n");
  }

  const int port_;
  const std::function<absl::Status()> ready_;
  const int stop_fd_;
  event_base* base_;
  evhttp* http_;
  event* stop_event_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(
    const std::string& address, std::function<absl::Status()> ready) {
  const absl::StatusOr<config::Address> parsed = config::ParseAddress(address);
  if (!parsed.ok()) return parsed.status();
  const absl::StatusOr<Listener> listener = Listen(*parsed);
  if (!listener.ok()) return listener.status();
  return std::make_unique<EventAdminServer>(*listener, std::move(ready));
}

}  // namespace invigil::telemetry
