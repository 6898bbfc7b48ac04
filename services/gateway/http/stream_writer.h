// The answer of a stream on its way out: the head, then frame after frame as chunks.
#pragma once

// clang-format off
#include <utility>  // asio 1.74 uses it without including it
// clang-format on
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/time.h"

namespace invigil::gateway {

// One write at a time, in order. A client that takes none of it for the whole timeout ends the
// stream. On the thread of the stream's executor.
class StreamWriter {
 public:
  using Code = boost::beast::error_code;

  // `on_idle` gets an error, after which nothing is written any more, or success when all there was
  // is written. `stream` outlives this.
  StreamWriter(boost::beast::tcp_stream& stream, Duration timeout,
               std::function<void(Code)> on_idle)
      : stream_(stream), timeout_(timeout), on_idle_(std::move(on_idle)) {}

  // `owner` holds this; it lives while a write runs.
  void Begin(std::string head, std::weak_ptr<void> owner) {
    owner_ = std::move(owner);
    failed_ = ended_ = false;
    pieces_.push_back(std::move(head));
    Write();
  }
  // After `last` nothing more may come.
  void Add(std::string_view frame, bool last) {
    if (failed_) return;
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", frame.size());
    std::string piece(size);
    piece.append(frame).append(last ? "\r\n0\r\n\r\n" : "\r\n");
    ended_ = last;
    pieces_.push_back(std::move(piece));
    if (!writing_) Write();
  }
  // Whether the last frame was added.
  bool ended() const { return ended_; }

 private:
  void Write() {
    writing_ = true;
    stream_.expires_after(timeout_);
    boost::asio::async_write(stream_, boost::asio::buffer(pieces_.front()),
                             [this, owner = owner_.lock()](Code error, size_t) { OnSent(error); });
  }
  void OnSent(Code error) {
    writing_ = false;
    pieces_.pop_front();
    if (error) {
      failed_ = true;
      pieces_.clear();
    } else if (!pieces_.empty()) {
      return Write();
    } else {
      stream_.expires_never();
    }
    on_idle_(error);
  }

  boost::beast::tcp_stream& stream_;
  const Duration timeout_;
  const std::function<void(Code)> on_idle_;
  std::weak_ptr<void> owner_;
  std::deque<std::string> pieces_;
  bool writing_ = false, failed_ = false, ended_ = false;
};

}  // namespace invigil::gateway
