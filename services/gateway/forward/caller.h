// Calls to a backend for doors that are not gRPC: the same calls as calls.h, in standard types, so
// that the HTTP door needs no gRPC header.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/time.h"
#include "services/gateway/forward/front.h"
#include "services/gateway/forward/grpc_door.h"

namespace invigil::gateway {

struct CallRequest {
  const Method* method = nullptr;
  std::shared_ptr<const auth::Principal> caller;
  Lanes::Ticket ticket;       // given back when the call ends
  std::string message;        // serialised
  std::string authorization;  // forwarded as it came
  std::string accept_language;
  std::string traceparent;  // already the next span's
  std::optional<Duration> timeout;
};

using Metadata = std::vector<std::pair<std::string, std::string>>;

struct CallEnd {
  int code = 0;  // canonical
  std::string message;
  std::string details;  // serialised google.rpc.Status; empty: none
  Metadata headers, trailers;

  // For errors the gateway makes itself.
  static CallEnd From(const absl::Status& status);
};

// A running call. Thread-safe.
class RunningCall {
 public:
  virtual ~RunningCall() = default;
  virtual void Cancel() = 0;
  // Streams only: after a message was dealt with.
  virtual void ReadNext() {}
};

// Callbacks run on gRPC threads, never two of one call at once, and not after `on_end` returns.
class Caller {
 public:
  // Both outlive this and every call.
  Caller(const Front& front, const Routes& routes) : front_(front), routes_(routes) {}

  // `on_end` gets the serialised answer; once, possibly before this returns. The result may be
  // dropped: the call goes on.
  std::shared_ptr<RunningCall> Unary(CallRequest request,
                                     std::function<void(CallEnd, std::string)> on_end) const;
  // One message there, any number back.
  std::shared_ptr<RunningCall> Stream(CallRequest request,
                                      std::function<void(std::string)> on_message,
                                      std::function<void(CallEnd)> on_end) const;

 private:
  const Front& front_;
  const Routes& routes_;
};

}  // namespace invigil::gateway
