#include "services/gateway/forward/front.h"

#include <atomic>
#include <cstdint>

#include "common/error/error.h"
#include "common/error/wire.h"

namespace invigil::gateway {

Front::Front(const Catalogue& catalogue, const Gate& gate, Lanes& lanes, const Clock& clock)
    : catalogue_(catalogue),
      gate_(gate),
      lanes_(lanes),
      clock_(clock),
      metrics_(catalogue.methods().size()),
      unknown_(telemetry::GetCounter("invigil_gateway_requests_total", "Calls by method and code.",
                                     {{"method", "unknown"}, {"code", "UNIMPLEMENTED"}})) {
  for (size_t i = 0; i < seconds_.size(); ++i) {
    seconds_[i] = &telemetry::GetHistogram(
        "invigil_gateway_seconds", "Time from a call's arrival at the gateway to its answer.", {},
        {{"lane", std::string(LaneName(static_cast<Lane>(i % kLanes)))},
         {"door", i < kLanes ? "grpc" : "http"}});
  }
}

absl::Status Front::Unknown() const {
  unknown_.Add();
  return Error(absl::StatusCode::kUnimplemented, "METHOD_UNKNOWN",
               "no such method; paths look like /invigil.session.v1.DeliveryService/GetSession");
}

absl::StatusOr<std::string_view> Front::Route(const Method& method, const auth::Principal& caller,
                                              std::string_view message,
                                              std::string_view traceparent) const {
  std::string_view value;
  if (method.routing_field != 0) {
    // The whole message is walked, because the last of several equal fields is the one a service
    // will read: a second session_id must not get past the check below.
    WireReader reader(message);
    while (auto field = reader.Next()) {
      if (field->number == method.routing_field && field->wire_type == 2) value = field->bytes;
    }
    if (!reader.ok()) {
      return InvalidArgument("REQUEST_MALFORMED", "the request is not a " + method.request_type);
    }
  }
  INVIGIL_RETURN_IF_ERROR(gate_.CheckSession(method, caller, value, traceparent));
  if (!value.empty()) return value;
  if (!caller.session_id.empty()) return caller.session_id;
  return caller.subject;
}

void Front::RecordEnd(const Method& method, Door door, int code, Duration began) const {
  if (method.shape == Shape::kUnary) {
    seconds_[static_cast<size_t>(method.lane) + (door == Door::kGrpc ? 0 : kLanes)]->Observe(
        static_cast<double>((Now() - began).count()) * 1e-6);
  }
  if (code < 0 || code >= kCodes) code = static_cast<int>(absl::StatusCode::kUnknown);
  auto& slot = metrics_[method.index].ended[static_cast<size_t>(code)];
  telemetry::Counter* counter = slot.load(std::memory_order_acquire);
  if (!counter) {
    counter = &telemetry::GetCounter(
        "invigil_gateway_requests_total", "Calls by method and code.",
        {{"method", method.name},
         {"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}});
    slot.store(counter, std::memory_order_release);
  }
  counter->Add();
}

absl::Status Draining() {
  // All streams end at once, and must not all come back at once: each is told another moment of the
  // next two seconds.
  static std::atomic<uint32_t> told{0};
  const uint32_t spread = told.fetch_add(1, std::memory_order_relaxed) * 2654435769u;
  return Unavailable("GATEWAY_DRAINING", "this gateway is going down; open the stream again",
                     Millis(100 + static_cast<int64_t>(spread >> 21)));
}

absl::Status TooLarge(const Method& method) {
  const std::string limit = std::to_string(method.max_request_bytes);
  return Error(absl::StatusCode::kResourceExhausted, "REQUEST_TOO_LARGE",
               method.name + " takes at most " + limit + " bytes; send less in one request")
      .With("limit_bytes", limit);
}

}  // namespace invigil::gateway
