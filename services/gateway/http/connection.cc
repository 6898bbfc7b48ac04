#include "services/gateway/http/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <iterator>
#include <limits>
#include <sstream>
#include <utility>

#include "common/error/error.h"
#include "services/gateway/forward/trace_header.h"

namespace invigil::gateway {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
using namespace std::chrono_literals;

// After an early refusal, how much of a body still in flight is swallowed so that the client gets
// to read the answer instead of a reset.
constexpr size_t kLingerBytes = 16 * 1024 * 1024;
// How much of a body is read although its request is refused already, to save the connection.
constexpr size_t kRefusedBodyBytes = 64 * 1024;
// What a buffer may hold beside a head: the body on its way through. It also bounds the extensions
// of chunks and the trailers, for which HTTP knows no limit.
constexpr size_t kBufferBytes = 64 * 1024;

// Metadata of services is theirs to choose, but it may not end a header.
std::string PercentSafe(const std::string& value) {
  return value.find_first_of("\r\n\0", 0, 3) == std::string::npos ? value : PercentEncode(value);
}

// A device that lost its network without a word would hold its stream for hours otherwise: nothing
// is written to it meanwhile, so that no write fails.
void FindLostPeers(int socket) {
  const int on = 1, idle_seconds = 30, between_seconds = 5, times = 4;
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &between_seconds, sizeof between_seconds);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
}

// Whether the end of the body is beyond doubt. Another coding than "chunked" would be ignored here
// and honoured by a program in front, and the two could be made to see different requests.
bool IsFramingClear(const http::request_header<>& head) {
  const auto [first, last] = head.equal_range(http::field::transfer_encoding);
  if (first == last) return true;
  return std::next(first) == last && beast::iequals(first->value(), "chunked") &&
         head.version() == 11;
}

}  // namespace

Connection::Connection(tcp::socket socket, net::ip::address ip, Loop& loop, HttpShared& shared)
    : stream_(std::move(socket)),
      ip_(std::move(ip)),
      loop_(loop),
      shared_(shared),
      buffer_(static_cast<size_t>(shared.options.header_bytes) + kBufferBytes),
      writer_(stream_, shared.options.write_timeout, [this](Code error) { OnStreamIdle(error); }) {}

void ServeConnection(boost::asio::ip::tcp::socket socket, boost::asio::ip::address ip, Loop& loop,
                     HttpShared& shared) {
  std::make_shared<Connection>(std::move(socket), std::move(ip), loop, shared)->Run();
}

void Connection::Run() {
  loop_.connections.insert(this);
  Code ignored;
  stream_.socket().set_option(tcp::no_delay(true), ignored);
  FindLostPeers(stream_.socket().native_handle());
  AwaitRequest();
}

void Connection::Drain() {
  if (idle_) return Close();
  if (streaming_ && call_) {
    drained_ = true;
    call_->Cancel();
  }
}

void Connection::CancelCall() {
  if (call_) call_->Cancel();
}

void Connection::AwaitRequest() {
  if (loop_.draining) return Close();
  parser_.reset();
  plan_ = {};
  reply_.reset();
  request_ = {};
  if (buffer_.size() > 0) return ReadHead();
  idle_ = true;
  stream_.expires_after(shared_.options.idle_timeout);
  stream_.async_read_some(buffer_.prepare(8192), Then(&Connection::OnFirstBytes));
}

void Connection::OnFirstBytes(Code error, size_t size) {
  idle_ = false;
  if (error) return Close();
  buffer_.commit(size);
  ReadHead();
}

void Connection::ReadHead() {
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(shared_.options.header_bytes));
  // The limit of the body is the method's, which is not known yet.
  parser_->body_limit(std::numeric_limits<uint64_t>::max());
  stream_.expires_after(shared_.options.header_timeout);
  http::async_read_header(stream_, buffer_, *parser_, Then(&Connection::OnHead));
}

void Connection::OnHead(Code error, size_t) {
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
  if (!IsFramingClear(parser_->get())) {
    return RefuseHead(400, "REQUEST_MALFORMED",
                      "transfer-encoding can be \"chunked\" only, once, in HTTP/1.1");
  }
  began_ = shared_.front.Now();
  const auto& request = parser_->get();
  keep_alive_ = request.keep_alive() && !loop_.draining;
  traceparent_ = NextTraceparent(View(request["traceparent"]));
  origin_ = std::string(View(request[http::field::origin]));
  Plan();
  if (const auto length = parser_->content_length(); length && *length > BodyLimit()) {
    // Where there is an answer already, it says more.
    if (!reply_) reply_ = TooLargeReply();
    return RefuseBody();
  }
  if (beast::iequals(request[http::field::expect], "100-continue")) {
    if (reply_) return RefuseBody();
    return SendContinue();
  }
  ReadBody();
}

void Connection::Plan() {
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
  // Taken now: what trailers add to the head later is not what was checked.
  request_.authorization = std::string(View(request[http::field::authorization]));
  request_.accept_language = std::string(View(request[http::field::accept_language]));
  auto caller = shared_.front.Admit(*plan_.method, request_.authorization, traceparent_);
  if (!caller.ok()) {
    reply_ = ErrorReply(caller.status());
  } else if (request.version() < 11 && plan_.method->shape != Shape::kUnary) {
    reply_ = ErrorReply(Error(absl::StatusCode::kUnimplemented, "STREAM_NEEDS_HTTP_1_1",
                              plan_.method->name + " is a stream, which HTTP/1.0 can't carry"));
  } else {
    request_.caller = *std::move(caller);
  }
}

size_t Connection::BodyLimit() const {
  if (reply_) return kRefusedBodyBytes;
  const bool enveloped = plan_.format.protocol != Protocol::kConnectUnary;
  return plan_.method->max_request_bytes + (enveloped ? kEnvelopeBytes : 0);
}

void Connection::SendContinue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  stream_.expires_after(shared_.options.write_timeout);
  net::async_write(
      stream_, net::buffer(kContinue.data(), kContinue.size()),
      [self = Self()](Code error, size_t) { error ? self->Close() : self->ReadBody(); });
}

void Connection::ReadBody() {
  if (parser_->is_done()) return Dispatch();
  parser_->body_limit(BodyLimit());
  stream_.expires_after(shared_.options.body_timeout);
  http::async_read(stream_, buffer_, *parser_, Then(&Connection::OnBody));
}

void Connection::OnBody(Code error, size_t) {
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

void Connection::RefuseHead(unsigned status, const char* reason, const std::string& message) {
  reply_ = RenderPlainError(InvalidArgument(reason, message), status);
  RefuseBody();
}

// Answers although the body was not read; the connection can't be used again.
void Connection::RefuseBody() {
  keep_alive_ = false;
  linger_ = true;
  Send(*std::move(reply_));
}

HttpReply Connection::ErrorReply(const absl::Status& status) {
  shared_.front.RecordEnd(*plan_.method, Door::kHttp, static_cast<int>(status.code()), began_);
  return RenderError(plan_.format, CallEnd::From(status));
}
HttpReply Connection::TooLargeReply() {
  shared_.front.RecordEnd(*plan_.method, Door::kHttp,
                          static_cast<int>(absl::StatusCode::kResourceExhausted), began_);
  return RenderTooLarge(plan_);
}

template <typename Response>
void Connection::SetHeaders(Response& response, const HttpReply& reply) {
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

std::string Connection::StreamHead() {
  http::response<http::empty_body> head(http::status::ok, 11);
  HttpReply reply;
  reply.content_type = ContentTypeOf(plan_.format);
  SetHeaders(head, reply);
  head.chunked(true);
  std::ostringstream text;
  text << head.base();
  return text.str();
}

void Connection::Send(HttpReply reply) {
  response_.emplace(static_cast<http::status>(reply.status), 11);
  response_->body() = std::move(reply.body);
  SetHeaders(*response_, reply);
  const bool head = parser_ && parser_->get().method() == http::verb::head;
  if (reply.status != 204) response_->content_length(response_->body().size());
  if (head) response_->body().clear();
  stream_.expires_after(shared_.options.write_timeout);
  http::async_write(stream_, *response_, Then(&Connection::OnSent));
}

void Connection::OnSent(Code error, size_t) {
  response_.reset();
  traceparent_.clear();
  origin_.clear();
  if (error) return Close();
  if (keep_alive_) return AwaitRequest();
  Code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  if (!linger_) return Close();
  stream_.expires_after(2s);
  Linger();
}

void Connection::Linger() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(65'536), [self = Self()](Code error, size_t size) {
    self->lingered_ += size;
    if (error || self->lingered_ > kLingerBytes) return self->Close();
    self->Linger();
  });
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  loop_.connections.erase(this);
  shared_.Leave(ip_);
  Code ignored;
  stream_.socket().close(ignored);
}

}  // namespace invigil::gateway
