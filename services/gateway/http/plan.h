// From the head of an HTTP request to what shall be done with it, and from the end of a call to the
// HTTP answer: everything the HTTP door decides, without a socket.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "services/gateway/http/connect.h"

namespace invigil::gateway {

// The head of a request; views live as long as the request.
struct HttpHead {
  std::string_view verb, target;
  // Value of a header by lower-case name; empty when absent.
  std::function<std::string_view(std::string_view name)> header;
};

// A whole answer.
struct HttpReply {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  Metadata headers;
};

// A call to make.
struct HttpPlan {
  const Method* method = nullptr;
  Format format;
  std::optional<Duration> timeout;
};

// Either an answer at once (welcome, preflight, every mistake that shows in the head) or a plan.
std::variant<HttpReply, HttpPlan> PlanRequest(const HttpHead& head, const Front& front);

// The answer to a call that ended before any message of it was sent.
HttpReply RenderError(const Format& format, const CallEnd& end);
// The same as Connect unary JSON, for when no format is known; `status` overrides the code's own.
HttpReply RenderPlainError(const absl::Status& error, unsigned status);
// 413 in the request's format.
HttpReply RenderTooLarge(const HttpPlan& plan);
// The answer to a unary call that ended well. `message` is in the format's encoding.
HttpReply RenderUnary(const Format& format, const CallEnd& end, std::string message);
// A frame of a stream, and its last one.
std::string StreamFrame(std::string_view message);
std::string StreamEnd(const Format& format, const CallEnd& end);

// What a browser on another origin needs to see, when `origin` is among `allowed` ("*": any).
void AddCors(const std::vector<std::string>& allowed, std::string_view origin, Metadata* headers);

}  // namespace invigil::gateway
