// W3C trace context (traceparent, version 00), carried from the edge to the last service and put
// into log lines.
#pragma once

#include <string>
#include <string_view>

namespace invigil::telemetry {

struct TraceContext {
  std::string trace_id;  // 32 lower-case hexadecimal digits
  std::string span_id;   // 16
  bool sampled = false;

  // A new trace with a random id.
  static TraceContext New();
  // From a header; a new trace when it is absent or malformed (as the recommendation asks).
  static TraceContext FromHeader(std::string_view traceparent);
  // The same trace, a new span: what is sent on to the next process.
  TraceContext Child() const;
  // 00-<trace id>-<span id>-<flags>
  std::string ToHeader() const;
};

}  // namespace invigil::telemetry
