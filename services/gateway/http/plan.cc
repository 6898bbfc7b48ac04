#include "services/gateway/http/plan.h"

#include <algorithm>

#include "common/error/error.h"

namespace invigil::gateway {
namespace {

constexpr char kWelcome[] =
    "Invigil gateway.\n"
    "Call a method with POST /PACKAGE.SERVICE/METHOD, `authorization: Bearer TOKEN` and\n"
    "`content-type: application/json` (Connect; also application/proto and gRPC-Web). Such as:\n";

HttpReply Welcome(const Front& front) {
  std::string text = kWelcome;
  for (const auto& method : front.methods()) {
    if (method->shape != Shape::kBidi) text += "  " + method->path + "\n";
  }
  return {200, "text/plain; charset=utf-8", std::move(text), {}};
}

std::string_view Compression(const HttpHead& head, Protocol protocol) {
  switch (protocol) {
    case Protocol::kConnectUnary:
      return head.header("content-encoding");
    case Protocol::kConnectStream:
      return head.header("connect-content-encoding");
    case Protocol::kGrpcWeb:
      return head.header("grpc-encoding");
  }
  return {};
}

bool Fits(Shape shape, Protocol protocol) {
  if (protocol == Protocol::kGrpcWeb) return true;
  return (shape == Shape::kUnary) == (protocol == Protocol::kConnectUnary);
}

// The parts of a head that only matter once method and format are known.
absl::Status ReadTerms(const HttpHead& head, HttpPlan* plan) {
  const std::string_view compression = Compression(head, plan->format.protocol);
  if (!compression.empty() && compression != "identity") {
    return Error(absl::StatusCode::kUnimplemented, "COMPRESSION_UNSUPPORTED",
                 "requests can't be compressed here; send them as they are");
  }
  if (plan->method->shape == Shape::kBidi) {
    return Error(absl::StatusCode::kUnimplemented, "STREAM_NEEDS_GRPC",
                 plan->method->name +
                     " streams both ways, which HTTP/1.1 can't; use gRPC, or the unary methods");
  }
  const bool grpc_web = plan->format.protocol == Protocol::kGrpcWeb;
  const std::string_view version = head.header("connect-protocol-version");
  if (!grpc_web && !version.empty() && version != "1") {
    return InvalidArgument("PROTOCOL_VERSION", "connect-protocol-version must be 1");
  }
  const std::string_view timeout = head.header(grpc_web ? "grpc-timeout" : "connect-timeout-ms");
  if (!timeout.empty()) {
    const auto parsed = grpc_web ? ParseGrpcTimeout(timeout) : ParseConnectTimeout(timeout);
    if (!parsed.ok()) return parsed.status();
    plan->timeout = *parsed;
  }
  return absl::OkStatus();
}

}  // namespace

std::variant<HttpReply, HttpPlan> PlanRequest(const HttpHead& head, const Front& front) {
  const std::string_view path = head.target.substr(0, head.target.find('?'));
  if (head.verb == "OPTIONS") return HttpReply{204, "", "", {}};
  if (path == "/" && (head.verb == "GET" || head.verb == "HEAD")) return Welcome(front);
  HttpPlan plan;
  plan.method = front.Find(path);
  if (!plan.method) return RenderPlainError(front.Unknown(), 404);
  if (head.verb != "POST") {
    HttpReply reply = RenderPlainError(
        Error(absl::StatusCode::kUnimplemented, "VERB_UNSUPPORTED", "use POST"), 405);
    reply.headers.emplace_back("Allow", "POST");
    return reply;
  }
  const auto format = ParseContentType(head.header("content-type"));
  if (!format ||
      (plan.method->shape != Shape::kBidi && !Fits(plan.method->shape, format->protocol))) {
    HttpReply reply = RenderPlainError(
        InvalidArgument("CONTENT_TYPE_UNSUPPORTED",
                        plan.method->shape == Shape::kUnary
                            ? "send application/json or application/proto"
                            : "send application/connect+json or application/connect+proto"),
        415);
    reply.headers.emplace_back("Accept-Post", std::string(kAcceptPost));
    return reply;
  }
  plan.format = *format;
  const absl::Status terms = ReadTerms(head, &plan);
  if (!terms.ok()) return RenderError(plan.format, CallEnd::From(terms));
  return plan;
}

HttpReply RenderError(const Format& format, const CallEnd& end) {
  if (format.protocol == Protocol::kConnectUnary) {
    HttpReply reply{HttpStatusOf(end.code), "application/json", ErrorJson(end), {}};
    for (const auto& [name, value] : end.trailers)
      reply.headers.emplace_back("trailer-" + name, name.ends_with("-bin") ? Base64(value) : value);
    return reply;
  }
  return {200, std::string(ContentTypeOf(format)), StreamEnd(format, end), {}};
}

HttpReply RenderPlainError(const absl::Status& error, unsigned status) {
  return {status, "application/json", ErrorJson(CallEnd::From(error)), {}};
}

HttpReply RenderTooLarge(const HttpPlan& plan) {
  HttpReply reply = RenderError(plan.format, CallEnd::From(TooLarge(*plan.method)));
  if (plan.format.protocol == Protocol::kConnectUnary) reply.status = 413;
  return reply;
}

HttpReply RenderUnary(const Format& format, const CallEnd& end, std::string message) {
  HttpReply reply{200, std::string(ContentTypeOf(format)), "", {}};
  for (const auto& [name, value] : end.headers)
    reply.headers.emplace_back(name, name.ends_with("-bin") ? Base64(value) : value);
  if (format.protocol == Protocol::kConnectUnary) {
    reply.body = std::move(message);
    for (const auto& [name, value] : end.trailers)
      reply.headers.emplace_back("trailer-" + name, name.ends_with("-bin") ? Base64(value) : value);
  } else {
    reply.body = StreamFrame(message) + StreamEnd(format, end);
  }
  return reply;
}

std::string StreamFrame(std::string_view message) { return Envelope(0, message); }

std::string StreamEnd(const Format& format, const CallEnd& end) {
  return format.protocol == Protocol::kGrpcWeb ? GrpcWebEndFrame(end) : ConnectEndFrame(end);
}

void AddCors(const std::vector<std::string>& allowed, std::string_view origin, Metadata* headers) {
  if (origin.empty() || allowed.empty()) return;
  const bool any = std::find(allowed.begin(), allowed.end(), "*") != allowed.end();
  if (!any && std::find(allowed.begin(), allowed.end(), origin) == allowed.end()) return;
  headers->emplace_back("Access-Control-Allow-Origin", any ? "*" : std::string(origin));
  headers->emplace_back("Vary", "Origin");
  headers->emplace_back("Access-Control-Allow-Methods", "POST");
  headers->emplace_back("Access-Control-Allow-Headers",
                        "authorization, content-type, connect-protocol-version, "
                        "connect-timeout-ms, grpc-timeout, x-grpc-web, x-user-agent, traceparent");
  headers->emplace_back("Access-Control-Expose-Headers",
                        "grpc-status, grpc-message, grpc-status-details-bin, traceparent");
  headers->emplace_back("Access-Control-Max-Age", "7200");
}

}  // namespace invigil::gateway
