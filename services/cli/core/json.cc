#include "services/cli/core/json.h"

#include <google/protobuf/util/json_util.h>

#include "common/error/error.h"

namespace invigil::cli {
namespace {

std::string Print(const google::protobuf::Message& message, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indented;
  options.always_print_primitive_fields = true;
  std::string out;
  // Fails only for a malformed Any, which no message of ours holds.
  const auto status = google::protobuf::util::MessageToJsonString(message, &out, options);
  return status.ok() ? out : "{}";
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message) {
  std::string out = Print(message, true);
  if (out.empty() || out.back() != '\n') out += '\n';
  return out;
}

std::string ToCompactJson(const google::protobuf::Message& message) {
  return Print(message, false);
}

absl::Status FromJson(std::string_view text, google::protobuf::Message* message) {
  const auto status = google::protobuf::util::JsonStringToMessage(
      {text.data(), text.size()}, message, google::protobuf::util::JsonParseOptions());
  if (status.ok()) return absl::OkStatus();
  return InvalidArgument("JSON_INVALID", std::string(status.message()));
}

}  // namespace invigil::cli
