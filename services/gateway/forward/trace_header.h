// The traceparent sent on with every call: same trace, new span. The same meaning as
// telemetry::TraceContext, in one buffer and without a system call, because every call pays for it.
#pragma once

#include <string>
#include <string_view>

namespace invigil::gateway {

// `incoming`: the caller's header, or empty. Absent or malformed starts a new trace, not sampled.
std::string NextTraceparent(std::string_view incoming);

}  // namespace invigil::gateway
