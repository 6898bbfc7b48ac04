// One HTTP connection: request after request, each read, answered or forwarded.
#pragma once

// clang-format off
#include <utility>  // asio 1.74 uses it without including it
// clang-format on
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "services/gateway/http/loop.h"
#include "services/gateway/http/plan.h"
#include "services/gateway/http/stream_writer.h"

namespace invigil::gateway {

// Converting a message of more bytes than this would keep other connections of the loop waiting, so
// a thread beside does it: an import must not delay a save.
inline constexpr size_t kConvertBeside = 64 * 1024;

// Lives while an operation or a call holds it; everything runs on its loop's thread. Reading and
// answering stand in connection.cc, what lies between, the call, in connection_call.cc.
class Connection final : public HttpConnection {
 public:
  using Code = boost::beast::error_code;
  using tcp = boost::asio::ip::tcp;

  Connection(tcp::socket socket, boost::asio::ip::address ip, Loop& loop, HttpShared& shared);
  void Run();
  void Drain() override;
  void CancelCall() override;

 private:
  std::shared_ptr<Connection> Self() {
    return std::static_pointer_cast<Connection>(shared_from_this());
  }
  auto Then(void (Connection::*step)(Code, size_t)) {
    return boost::beast::bind_front_handler(step, Self());
  }
  // Reading, in the order of its steps.
  void AwaitRequest();
  void OnFirstBytes(Code error, size_t size);
  void ReadHead();
  void OnHead(Code error, size_t size);
  void Plan();
  // For the body of the request at hand.
  size_t BodyLimit() const;
  void SendContinue();
  void ReadBody();
  void OnBody(Code error, size_t size);
  void RefuseHead(unsigned status, const char* reason, const std::string& message);
  void RefuseBody();

  // Calling.
  void Dispatch();
  template <typename Work, typename Next>
  void Beside(size_t size, Work work, Next next);
  void Decode();
  void Call();
  void WatchForHangUp();
  void KeepEarlyBytes();
  void OnUnaryEnd(CallEnd end, std::string message);
  void Encode();
  void RecordEnd();
  void StartStream();
  void OnStreamMessage(std::string message);
  void OnStreamEnd(CallEnd end);
  void OnStreamIdle(Code error);

  // Answering.
  HttpReply ErrorReply(const absl::Status& status);
  HttpReply TooLargeReply();
  template <typename Response>
  void SetHeaders(Response& response, const HttpReply& reply);
  std::string StreamHead();
  void Send(HttpReply reply);
  void OnSent(Code error, size_t size);
  void Linger();
  void Close();

  static std::string_view View(boost::beast::string_view text) {
    return {text.data(), text.size()};
  }

  boost::beast::tcp_stream stream_;
  const boost::asio::ip::address ip_;
  Loop& loop_;
  HttpShared& shared_;
  boost::beast::flat_buffer buffer_;
  bool idle_ = false, closed_ = false, watching_ = false, keep_alive_ = true, linger_ = false;
  size_t lingered_ = 0;

  // Of the request at hand.
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  Duration began_{};
  HttpPlan plan_;
  std::string traceparent_, origin_, body_, message_;
  CallRequest request_;
  std::shared_ptr<RunningCall> call_;
  CallEnd end_;
  std::optional<HttpReply> reply_;  // decided before a call was made
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> response_;

  // Of a stream.
  StreamWriter writer_;
  std::optional<CallEnd> stream_error_;
  bool streaming_ = false, ack_pending_ = false, drained_ = false;
};

}  // namespace invigil::gateway
