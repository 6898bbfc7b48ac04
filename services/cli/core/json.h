// proto3 JSON as the whole suite speaks it: lowerCamelCase names, zero values printed.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace invigil::cli {

// Indented, ending in a line break.
std::string ToJson(const google::protobuf::Message& message);
// On one line, for putting into another document.
std::string ToCompactJson(const google::protobuf::Message& message);

// Strict: an unknown field is an error. Errors: INVALID_ARGUMENT (JSON_INVALID) with the parser's
// words about where and what.
absl::Status FromJson(std::string_view text, google::protobuf::Message* message);

}  // namespace invigil::cli
