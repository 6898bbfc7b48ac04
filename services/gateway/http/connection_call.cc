// The call of a connection: from a request that was read to its answer, unary or stream.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/error/error.h"
#include "services/gateway/http/connection.h"

namespace invigil::gateway {

namespace net = boost::asio;

void Connection::Dispatch() {
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
void Connection::Beside(size_t size, Work work, Next next) {
  if (size <= kConvertBeside) {
    work();
    next();
    return;
  }
  net::post(shared_.beside, [self = Self(), work, next]() mutable {
    work();
    auto executor = self->stream_.get_executor();
    net::post(executor, [self = std::move(self), next] { next(); });
  });
}

void Connection::Decode() {
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

void Connection::Call() {
  body_.clear();
  // A stream that began now would outlast the drain.
  if (loop_.draining && plan_.method->shape != Shape::kUnary && !reply_)
    reply_ = ErrorReply(Draining());
  if (reply_) {
    request_.ticket = {};
    return Send(*std::move(reply_));
  }
  request_.method = plan_.method;
  request_.traceparent = traceparent_;
  request_.timeout = plan_.timeout;
  ++shared_.calls;
  stream_.expires_never();
  WatchForHangUp();
  if (plan_.method->shape == Shape::kUnary) {
    call_ = shared_.caller.Unary(
        std::exchange(request_, {}), [self = Self()](CallEnd end, std::string message) mutable {
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
void Connection::WatchForHangUp() {
  if (watching_) return;
  watching_ = true;
  stream_.socket().async_wait(tcp::socket::wait_read, [self = Self()](Code error) {
    self->watching_ = false;
    if (error || !self->call_) return;
    char byte;
    const ssize_t size =
        ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    // The next request came early. It is read when a unary call is answered, which is soon.
    if (size > 0) return self->streaming_ ? self->KeepEarlyBytes() : void();
    // The event may be an old one, of bytes that are read already.
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return self->WatchForHangUp();
    self->keep_alive_ = false;
    self->call_->Cancel();
  });
}

// Left in the socket, bytes behind a stream's request would hide that the client hangs up, and the
// stream would last for hours.
void Connection::KeepEarlyBytes() {
  const auto room = buffer_.prepare(std::min<size_t>(buffer_.max_size() - buffer_.size(), 8192));
  const ssize_t size =
      ::recv(stream_.socket().native_handle(), room.data(), room.size(), MSG_DONTWAIT);
  if (size <= 0) {
    // Full: this is more than one head, and nobody who waits for a stream sends it.
    keep_alive_ = false;
    return CancelCall();
  }
  buffer_.commit(static_cast<size_t>(size));
  WatchForHangUp();
}

void Connection::OnUnaryEnd(CallEnd end, std::string message) {
  shared_.EndCall();
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
void Connection::Encode() {
  if (plan_.format.encoding == Encoding::kProto) return;
  auto json = shared_.codec.ToJson(plan_.method->response_type, message_);
  if (json.ok()) {
    message_ = *std::move(json);
  } else {
    end_ = CallEnd::From(json.status());
  }
}

void Connection::RecordEnd() {
  shared_.front.RecordEnd(*plan_.method, Door::kHttp, end_.code, began_);
}

void Connection::StartStream() {
  streaming_ = true;
  writer_.Begin(StreamHead(), weak_from_this());
  call_ = shared_.caller.Stream(
      std::exchange(request_, {}),
      [weak = std::weak_ptr<Connection>(Self())](std::string message) {
        if (auto self = weak.lock()) {
          auto executor = self->stream_.get_executor();
          net::post(executor, [self = std::move(self), message = std::move(message)]() mutable {
            self->OnStreamMessage(std::move(message));
          });
        }
      },
      [self = Self()](CallEnd end) mutable {
        auto executor = self->stream_.get_executor();
        net::post(executor, [self = std::move(self), end = std::move(end)]() mutable {
          self->OnStreamEnd(std::move(end));
        });
      });
}

void Connection::OnStreamMessage(std::string message) {
  if (plan_.format.encoding == Encoding::kJson) {
    auto json = shared_.codec.ToJson(plan_.method->response_type, message);
    if (!json.ok()) {
      stream_error_ = CallEnd::From(json.status());
      return CancelCall();
    }
    message = *std::move(json);
  }
  ack_pending_ = true;
  writer_.Add(StreamFrame(message), false);
}

void Connection::OnStreamEnd(CallEnd end) {
  shared_.EndCall();
  call_.reset();
  if (drained_) {
    end = CallEnd::From(Draining());
  } else if (stream_error_) {
    end = *std::move(stream_error_);
  }
  stream_error_.reset();
  end_ = std::move(end);
  RecordEnd();
  writer_.Add(StreamEnd(plan_.format, end_), true);
}

void Connection::OnStreamIdle(Code error) {
  if (error) {
    if (call_) call_->Cancel();
    // The end of the call comes here still; there is nobody to write it to.
    return Close();
  }
  if (writer_.ended()) {
    streaming_ = drained_ = ack_pending_ = false;
    return OnSent({}, 0);
  }
  if (ack_pending_ && call_) {
    ack_pending_ = false;
    call_->ReadNext();
  }
}

}  // namespace invigil::gateway
