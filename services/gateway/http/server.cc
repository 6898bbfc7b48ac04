#include "services/gateway/http/server.h"

#include <sys/socket.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "common/config/address.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/telemetry/metrics.h"
#include "services/gateway/forward/trace_header.h"
#include "services/gateway/http/plan.h"

namespace invigil::gateway {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
using tcp = net::ip::tcp;
using Code = beast::error_code;
using namespace std::chrono_literals;

// Converting a message of more bytes than this would keep other connections of the loop waiting, so
// a thread beside does it: an import must not delay a save.
constexpr size_t kConvertBeside = 64 * 1024;
// After an early refusal, how much of a body still in flight is swallowed so that the client gets
// to read the answer instead of a reset.
constexpr size_t kLingerBytes = 16 * 1024 * 1024;

class Session;

// One event loop on one thread. Its sessions are touched on that thread only.
struct Loop {
  Loop() : work(context.get_executor()) {}
  net::io_context context{1};
  net::executor_work_guard<net::io_context::executor_type> work;
  std::unordered_set<Session*> sessions;
  bool draining = false;
  std::thread thread;
};

// What all sessions share.
struct Shared {
  HttpOptions options;
  const Front& front;
  const Caller& caller;
  const JsonCodec& codec;
  net::thread_pool beside{1};
  std::atomic<int64_t> connections{0};
  std::atomic<int64_t> calls{0};  // running upstream
  std::mutex mutex;
  std::map<net::ip::address, int64_t> per_ip;  // under mutex
  telemetry::Gauge& open =
      telemetry::GetGauge("invigil_gateway_http_connections", "Open HTTP connections.");
  telemetry::Counter& refused = telemetry::GetCounter(
      "invigil_gateway_http_connections_refused_total", "Connections over a cap, closed at once.");

  // Counts a new connection; false: one of the caps is reached.
  bool Admit(const net::ip::address& ip) {
    std::lock_guard lock(mutex);
    if (connections >= options.connections ||
        (options.connections_per_ip > 0 && per_ip[ip] >= options.connections_per_ip)) {
      refused.Add();
      return false;
    }
    ++per_ip[ip];
    ++connections;
    open.Set(static_cast<double>(connections));
    return true;
  }
  void Leave(const net::ip::address& ip) {
    std::lock_guard lock(mutex);
    if (const auto it = per_ip.find(ip); it != per_ip.end() && --it->second == 0) per_ip.erase(it);
    --connections;
    open.Set(static_cast<double>(connections));
  }
};

// One connection: request after request. Lives while an operation or a call holds it; everything
// runs on its loop's thread. The states follow one another top to bottom in this class.
class Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, net::ip::address ip, Loop& loop, Shared& shared)
      : stream_(std::move(socket)), ip_(std::move(ip)), loop_(loop), shared_(shared) {}

  void Run() {
    loop_.sessions.insert(this);
    Code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    AwaitRequest();
  }

  // The loop drains: an idle connection goes now, a stream ends now, a call finishes first.
  void Drain() {
    if (idle_) return Close();
    if (streaming_ && call_) {
      drained_ = true;
      call_->Cancel();
    }
  }
  void CancelCall() {
    if (call_) call_->Cancel();
  }

 private:
  auto Then(void (Session::*step)(Code, size_t)) {
    return beast::bind_front_handler(step, shared_from_this());
  }

  // --- reading ---

  void AwaitRequest() {
    if (loop_.draining) return Close();
    parser_.reset();
    plan_ = {};
    reply_.reset();
    if (buffer_.size() > 0) return ReadHead();
    idle_ = true;
    stream_.expires_after(shared_.options.idle_timeout);
    stream_.async_read_some(buffer_.prepare(8192), Then(&Session::OnFirstBytes));
  }

  void OnFirstBytes(Code error, size_t size) {
    idle_ = false;
    if (error) return Close();
    buffer_.commit(size);
    ReadHead();
  }

  void ReadHead() {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(shared_.options.header_bytes));
    // The limit of the body is the method's, which is not known yet.
    parser_->body_limit(std::numeric_limits<uint64_t>::max());
    stream_.expires_after(shared_.options.header_timeout);
    http::async_read_header(stream_, buffer_, *parser_, Then(&Session::OnHead));
  }

  void OnHead(Code error, size_t) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return RefuseHead(431, "REQUEST_HEAD_TOO_LARGE",
                        "the request's head is larger than " +
                            std::to_string(shared_.options.header_bytes) + " bytes");
    }
    if (error && error.category() == http::make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      return RefuseHead(400, "REQUEST_MALFORMED", "this is not HTTP/1.1");
    }
    if (error) return Close();
    began_ = shared_.front.Now();
    const auto& request = parser_->get();
    keep_alive_ = request.keep_alive() && !loop_.draining;
    traceparent_ = NextTraceparent(View(request["traceparent"]));
    origin_ = std::string(View(request[http::field::origin]));
    Plan();
    const size_t limit = plan_.method ? plan_.method->max_request_bytes : kConvertBeside;
    if (const auto length = parser_->content_length(); length && *length > limit) {
      // Without a method there is an answer already, and it says more.
      if (plan_.method) reply_ = TooLargeReply();
      return RefuseBody();
    }
    if (beast::iequals(request[http::field::expect], "100-continue")) {
      if (reply_) return RefuseBody();
      return SendContinue();
    }
    ReadBody();
  }

  void Plan() {
    const auto& request = parser_->get();
    HttpHead head{View(request.method_string()), View(request.target()),
                  [&request](std::string_view name) {
                    return View(request[boost::string_view(name.data(), name.size())]);
                  }};
    auto planned = PlanRequest(head, shared_.front);
    if (auto* reply = std::get_if<HttpReply>(&planned)) {
      reply_ = std::move(*reply);
      return;
    }
    plan_ = std::get<HttpPlan>(planned);
    auto caller =
        shared_.front.Admit(*plan_.method, View(request[http::field::authorization]), traceparent_);
    if (!caller.ok()) {
      reply_ = ErrorReply(caller.status());
    } else {
      caller_ = *std::move(caller);
    }
  }

  void SendContinue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    stream_.expires_after(shared_.options.write_timeout);
    net::async_write(stream_, net::buffer(kContinue.data(), kContinue.size()),
                     [self = shared_from_this()](Code error, size_t) {
                       error ? self->Close() : self->ReadBody();
                     });
  }

  void ReadBody() {
    if (parser_->is_done()) return Dispatch();
    parser_->body_limit(plan_.method ? plan_.method->max_request_bytes : kConvertBeside);
    stream_.expires_after(shared_.options.body_timeout);
    http::async_read(stream_, buffer_, *parser_, Then(&Session::OnBody));
  }

  void OnBody(Code error, size_t) {
    if (error == http::error::body_limit) {
      if (!reply_) reply_ = TooLargeReply();
      return RefuseBody();
    }
    if (error && error != beast::error::timeout && error != http::error::partial_message &&
        error.category() == http::make_error_code(http::error::bad_chunk).category()) {
      return RefuseHead(400, "REQUEST_MALFORMED", "the body is not framed as HTTP/1.1 wants it");
    }
    if (error) return Close();
    Dispatch();
  }

  void RefuseHead(unsigned status, const char* reason, const std::string& message) {
    reply_ = RenderPlainError(InvalidArgument(reason, message), status);
    RefuseBody();
  }

  // Answers although the body was not read; the connection can't be used again.
  void RefuseBody() {
    keep_alive_ = false;
    linger_ = true;
    Send(*std::move(reply_));
  }

  // --- calling ---

  void Dispatch() {
    if (reply_) return Send(*std::move(reply_));
    auto ticket = shared_.front.TakePlace(*plan_.method);
    if (!ticket.ok()) return Send(ErrorReply(ticket.status()));
    request_.ticket = *std::move(ticket);
    body_ = std::move(parser_->get().body());
    Beside(
        body_.size(), [this] { Decode(); }, [this] { Call(); });
  }

  // Runs `work` here when it is small, beside the loop when it is large; `next` here after it.
  template <typename Work, typename Next>
  void Beside(size_t size, Work work, Next next) {
    if (size <= kConvertBeside) {
      work();
      next();
      return;
    }
    net::post(shared_.beside, [self = shared_from_this(), work, next]() mutable {
      work();
      auto executor = self->stream_.get_executor();
      net::post(executor, [self = std::move(self), next] { next(); });
    });
  }

  void Decode() {
    std::string_view message = body_;
    if (plan_.format.protocol != Protocol::kConnectUnary) {
      const auto opened = OpenEnvelope(body_);
      if (!opened.ok()) {
        reply_ = ErrorReply(opened.status());
        return;
      }
      message = *opened;
    }
    if (plan_.format.encoding == Encoding::kProto) {
      request_.message = message.size() == body_.size() ? std::move(body_) : std::string(message);
      return;
    }
    auto bytes = shared_.codec.ToBytes(plan_.method->request_type, message);
    if (bytes.ok()) {
      request_.message = *std::move(bytes);
    } else {
      reply_ = ErrorReply(bytes.status());
    }
  }

  void Call() {
    body_.clear();
    if (reply_) {
      request_.ticket = {};
      return Send(*std::move(reply_));
    }
    const auto& head = parser_->get();
    request_.method = plan_.method;
    request_.caller = std::move(caller_);
    request_.authorization = std::string(View(head[http::field::authorization]));
    request_.accept_language = std::string(View(head[http::field::accept_language]));
    request_.traceparent = traceparent_;
    request_.timeout = plan_.timeout;
    ++shared_.calls;
    stream_.expires_never();
    WatchForHangUp();
    if (plan_.method->shape == Shape::kUnary) {
      call_ = shared_.caller.Unary(
          std::exchange(request_, {}),
          [self = shared_from_this()](CallEnd end, std::string message) mutable {
            auto executor = self->stream_.get_executor();
            net::post(executor, [self = std::move(self), end = std::move(end),
                                 message = std::move(message)]() mutable {
              self->OnUnaryEnd(std::move(end), std::move(message));
            });
          });
    } else {
      StartStream();
    }
  }

  // A client that went away gets nothing from the rest of its call. The wait may stay pending into
  // the next request; it then means nothing.
  void WatchForHangUp() {
    if (watching_) return;
    watching_ = true;
    stream_.socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](Code error) {
      self->watching_ = false;
      if (error || !self->call_) return;
      char byte;
      const ssize_t size =
          ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      if (size > 0) return;  // the next request came early; it is read when this one is answered
      // The event may be an old one, of bytes that are read already.
      if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return self->WatchForHangUp();
      self->keep_alive_ = false;
      self->call_->Cancel();
    });
  }

  void OnUnaryEnd(CallEnd end, std::string message) {
    --shared_.calls;
    call_.reset();
    end_ = std::move(end);
    if (end_.code != 0) {
      RecordEnd();
      return Send(RenderError(plan_.format, end_));
    }
    message_ = std::move(message);
    const bool json = plan_.format.encoding == Encoding::kJson;
    Beside(
        json ? message_.size() : 0, [this] { Encode(); },
        [this] {
          RecordEnd();
          Send(end_.code == 0 ? RenderUnary(plan_.format, end_, std::move(message_))
                              : RenderError(plan_.format, end_));
        });
  }

  // Makes `message_` what the client asked for, or `end_` an error.
  void Encode() {
    if (plan_.format.encoding == Encoding::kProto) return;
    auto json = shared_.codec.ToJson(plan_.method->response_type, message_);
    if (json.ok()) {
      message_ = *std::move(json);
    } else {
      end_ = CallEnd::From(json.status());
    }
  }

  void RecordEnd() { shared_.front.RecordEnd(*plan_.method, Door::kHttp, end_.code, began_); }

  // --- answering ---

  HttpReply ErrorReply(const absl::Status& status) {
    shared_.front.RecordEnd(*plan_.method, Door::kHttp, static_cast<int>(status.code()), began_);
    return RenderError(plan_.format, CallEnd::From(status));
  }
  HttpReply TooLargeReply() {
    shared_.front.RecordEnd(*plan_.method, Door::kHttp,
                            static_cast<int>(absl::StatusCode::kResourceExhausted), began_);
    return RenderTooLarge(plan_);
  }

  template <typename Response>
  void SetHeaders(Response& response, const HttpReply& reply) {
    if (!reply.content_type.empty()) response.set(http::field::content_type, reply.content_type);
    response.set(http::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    if (!traceparent_.empty()) response.set("traceparent", traceparent_);
    for (const auto& [name, value] : reply.headers) response.insert(name, PercentSafe(value));
    Metadata cors;
    AddCors(shared_.options.cors_origins, origin_, &cors);
    for (const auto& [name, value] : cors) response.set(name, value);
    if (loop_.draining) keep_alive_ = false;
    response.keep_alive(keep_alive_);
  }

  // Metadata of services is theirs to choose, but it may not end a header.
  static std::string PercentSafe(const std::string& value) {
    return value.find_first_of("\r\n\0", 0, 3) == std::string::npos ? value : PercentEncode(value);
  }

  void Send(HttpReply reply) {
    response_.emplace(static_cast<http::status>(reply.status), 11);
    response_->body() = std::move(reply.body);
    SetHeaders(*response_, reply);
    const bool head = parser_ && parser_->get().method() == http::verb::head;
    if (reply.status != 204) response_->content_length(response_->body().size());
    if (head) response_->body().clear();
    stream_.expires_after(shared_.options.write_timeout);
    http::async_write(stream_, *response_, Then(&Session::OnSent));
  }

  void OnSent(Code error, size_t) {
    response_.reset();
    traceparent_.clear();
    origin_.clear();
    caller_.reset();
    if (error) return Close();
    if (keep_alive_) return AwaitRequest();
    Code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (!linger_) return Close();
    stream_.expires_after(2s);
    Linger();
  }

  void Linger() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(65'536),
                            [self = shared_from_this()](Code error, size_t size) {
                              self->lingered_ += size;
                              if (error || self->lingered_ > kLingerBytes) return self->Close();
                              self->Linger();
                            });
  }

  // --- streaming ---

  void StartStream() {
    streaming_ = true;
    stream_head_.emplace(http::status::ok, 11);
    HttpReply reply;
    reply.content_type = ContentTypeOf(plan_.format);
    SetHeaders(*stream_head_, reply);
    stream_head_->chunked(true);
    stream_serializer_.emplace(*stream_head_);
    call_ = shared_.caller.Stream(
        std::exchange(request_, {}),
        [weak = weak_from_this()](std::string message) {
          if (auto self = weak.lock()) {
            auto executor = self->stream_.get_executor();
            net::post(executor, [self = std::move(self), message = std::move(message)]() mutable {
              self->OnStreamMessage(std::move(message));
            });
          }
        },
        [self = shared_from_this()](CallEnd end) mutable {
          auto executor = self->stream_.get_executor();
          net::post(executor, [self = std::move(self), end = std::move(end)]() mutable {
            self->OnStreamEnd(std::move(end));
          });
        });
    writing_ = true;
    stream_.expires_after(shared_.options.write_timeout);
    http::async_write_header(stream_, *stream_serializer_, Then(&Session::OnChunkSent));
  }

  void OnStreamMessage(std::string message) {
    if (plan_.format.encoding == Encoding::kJson) {
      auto json = shared_.codec.ToJson(plan_.method->response_type, message);
      if (!json.ok()) {
        stream_error_ = CallEnd::From(json.status());
        return CancelCall();
      }
      message = *std::move(json);
    }
    ack_pending_ = true;
    Enqueue(StreamFrame(message));
  }

  void OnStreamEnd(CallEnd end) {
    --shared_.calls;
    call_.reset();
    if (drained_) {
      end = CallEnd::From(Unavailable(
          "GATEWAY_DRAINING", "this gateway is going down; open the stream again", Millis(100)));
    } else if (stream_error_) {
      end = *std::move(stream_error_);
    }
    stream_error_.reset();
    end_ = std::move(end);
    RecordEnd();
    stream_ended_ = true;
    Enqueue(StreamEnd(plan_.format, end_));
  }

  void Enqueue(const std::string& frame) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", frame.size());
    chunks_.push_back(size + frame + "\r\n");
    if (stream_ended_) chunks_.back() += "0\r\n\r\n";
    if (!writing_) WriteChunk();
  }

  void WriteChunk() {
    writing_ = true;
    stream_.expires_after(shared_.options.write_timeout);
    net::async_write(stream_, net::buffer(chunks_.front()),
                     [self = shared_from_this()](Code error, size_t size) {
                       self->chunks_.pop_front();
                       self->OnChunkSent(error, size);
                     });
  }

  void OnChunkSent(Code error, size_t) {
    writing_ = false;
    if (error) {
      chunks_.clear();
      if (call_) call_->Cancel();
      // The end of the call comes here still; there is nobody to write it to.
      return Close();
    }
    stream_.expires_never();
    if (!chunks_.empty()) return WriteChunk();
    if (stream_ended_) {
      streaming_ = stream_ended_ = drained_ = ack_pending_ = false;
      stream_serializer_.reset();
      stream_head_.reset();
      return OnSent({}, 0);
    }
    if (ack_pending_ && call_) {
      ack_pending_ = false;
      call_->ReadNext();
    }
  }

  void Close() {
    if (closed_) return;
    closed_ = true;
    loop_.sessions.erase(this);
    shared_.Leave(ip_);
    Code ignored;
    stream_.socket().close(ignored);
  }

  static std::string_view View(boost::string_view text) { return {text.data(), text.size()}; }

  beast::tcp_stream stream_;
  const net::ip::address ip_;
  Loop& loop_;
  Shared& shared_;
  beast::flat_buffer buffer_;
  bool idle_ = false, closed_ = false, watching_ = false, keep_alive_ = true, linger_ = false;
  size_t lingered_ = 0;

  // Of the request at hand.
  std::optional<http::request_parser<http::string_body>> parser_;
  Duration began_{};
  HttpPlan plan_;
  std::string traceparent_, origin_, body_, message_;
  std::shared_ptr<const auth::Principal> caller_;
  CallRequest request_;
  std::shared_ptr<RunningCall> call_;
  CallEnd end_;
  std::optional<HttpReply> reply_;  // decided before a call was made
  std::optional<http::response<http::string_body>> response_;

  // Of a stream.
  std::optional<http::response<http::empty_body>> stream_head_;
  std::optional<http::response_serializer<http::empty_body>> stream_serializer_;
  std::deque<std::string> chunks_;
  std::optional<CallEnd> stream_error_;
  bool streaming_ = false, stream_ended_ = false, writing_ = false, ack_pending_ = false,
       drained_ = false;
};

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
    if (drained_.exchange(true)) return;
    net::post(loops_[0]->context, [this] {
      Code ignored;
      acceptor_->close(ignored);
    });
    ForEachSession([](Session& session) { session.Drain(); });
    if (!WaitForCalls(timeout)) {
      ForEachSession([](Session& session) { session.CancelCall(); });
      WaitForCalls(Seconds(5));
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
            std::make_shared<Session>(std::move(socket), peer.address(), loop, shared_)->Run();
          });
        }
        return Accept();
      }
      // Out of descriptors, most likely: a moment later some may be free.
      pause_.emplace(loops_[0]->context, std::chrono::milliseconds(50));
      pause_->async_wait([this](Code) { Accept(); });
    });
  }

  void ForEachSession(void (*act)(Session&)) {
    for (auto& loop : loops_) {
      net::post(loop->context, [l = loop.get(), act] {
        l->draining = true;
        std::vector<std::shared_ptr<Session>> sessions;
        for (Session* session : l->sessions) sessions.push_back(session->shared_from_this());
        for (const auto& session : sessions) act(*session);
      });
    }
  }

  // Whether the running calls ended in time. Polls, because a drain happens once in a process.
  bool WaitForCalls(Duration timeout) {
    const Duration until = shared_.front.Now() + timeout;
    while (shared_.calls > 0 || Busy()) {
      if (shared_.front.Now() >= until) return false;
      std::this_thread::sleep_for(Millis(5));
    }
    return true;
  }
  // Answers may still be on their way out.
  bool Busy() const { return shared_.connections > 0; }

  Shared shared_;
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
