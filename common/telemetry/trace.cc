#include "common/telemetry/trace.h"

#include "common/base/ids.h"

namespace invigil::telemetry {
namespace {

constexpr size_t kVersion00Length = 55;

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsZero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

// All zeros are invalid in trace context.
std::string NonZeroHex(size_t bytes) {
  std::string hex = RandomHex(bytes);
  while (IsZero(hex)) hex = RandomHex(bytes);
  return hex;
}

}  // namespace

TraceContext TraceContext::New() { return {NonZeroHex(16), NonZeroHex(8), false}; }

TraceContext TraceContext::FromHeader(std::string_view traceparent) {
  // version 2, trace id 32, parent id 16, flags 2, each behind a dash.
  if (traceparent.size() < kVersion00Length) return New();
  const std::string_view version = traceparent.substr(0, 2);
  const std::string_view trace_id = traceparent.substr(3, 32);
  const std::string_view span_id = traceparent.substr(36, 16);
  const std::string_view flags = traceparent.substr(53, 2);
  const bool dashes = traceparent[2] == '-' && traceparent[35] == '-' && traceparent[52] == '-';
  // A later version may add parts behind another dash.
  const bool length = traceparent.size() == kVersion00Length ||
                      (version != "00" && traceparent[kVersion00Length] == '-');
  if (!dashes || !length || version == "ff" || !IsHex(version) || !IsHex(trace_id) ||
      !IsHex(span_id) || !IsHex(flags) || IsZero(trace_id) || IsZero(span_id)) {
    return New();
  }
  const char last = flags[1];
  const int low = last <= '9' ? last - '0' : last - 'a' + 10;
  return {std::string(trace_id), std::string(span_id), (low & 1) != 0};
}

TraceContext TraceContext::Child() const { return {trace_id, NonZeroHex(8), sampled}; }

std::string TraceContext::ToHeader() const {
  return "00-" + trace_id + "-" + span_id + (sampled ? "-01" : "-00");
}

}  // namespace invigil::telemetry
