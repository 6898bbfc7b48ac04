// Enum values, times and spans of messages as a person types and reads them.
#pragma once

#include <string>
#include <string_view>

#include "common/base/time.h"

namespace google::protobuf {
class Duration;
class Timestamp;
}  // namespace google::protobuf

namespace invigil::cli {

// "ON_BREAK" of "SESSION_STATE_ON_BREAK" with the prefix "SESSION_STATE_" as "on-break".
std::string NameWord(std::string_view enum_name, std::string_view prefix);
// The way back.
std::string EnumName(std::string_view word, std::string_view prefix);

// "2026-11-24 17:00:05", UTC. Empty for a time that was never set.
std::string ClockTime(const google::protobuf::Timestamp& time);

Duration ToDuration(const google::protobuf::Duration& span);
void SetDuration(Duration span, google::protobuf::Duration* to);

// "1:02:03", "-05:00" or, below a second, "0:00.250"; see ClockText.
std::string SpanText(const google::protobuf::Duration& span);

}  // namespace invigil::cli
