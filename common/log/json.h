// Writing of JSON values into a line. Private to this room.
#pragma once

#include <string>
#include <string_view>

#include "common/base/time.h"

namespace invigil::log {

// `text` as a JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD, so that a line is
// always valid; text past `max_bytes` is cut between characters and ends in "...".
void AppendJsonString(std::string& out, std::string_view text, size_t max_bytes);
// The shortest digits that read back the same; null for infinities and NaN, which JSON lacks.
void AppendJsonNumber(std::string& out, double value);
// 2026-11-24T05:52:09.123Z
void AppendRfc3339(std::string& out, Time time);

}  // namespace invigil::log
