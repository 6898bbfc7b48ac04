#include "services/gateway/http/json_codec.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <algorithm>

#include "common/error/error.h"

namespace invigil::gateway {
namespace {

namespace util = google::protobuf::util;

constexpr char kPrefix[] = "type.googleapis.com";

std::string Url(const std::string& type) { return std::string(kPrefix) + "/" + type; }

// json_util points at a mistake with the text around it and a caret below; the text is the caller's
// and may hold an answer, so only the place is passed on.
std::string Place(std::string_view report, std::string_view json) {
  const size_t first = report.find('\n');
  const size_t second = report.rfind('\n');  // the text between may have lines of its own
  if (first == second) return "";
  const std::string_view around = report.substr(first + 1, second - first - 1);
  const size_t start = json.find(around);
  if (start == std::string_view::npos) return "";
  const size_t caret = std::min(start + (report.size() - second - 2), json.size());
  const auto before = json.substr(0, caret);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? caret + 1 : caret - newline;
  return " at line " + std::to_string(line) + ", column " + std::to_string(column);
}

absl::Status Malformed(const std::string& type, const std::string& what) {
  return InvalidArgument("REQUEST_MALFORMED", "the body is not a JSON " + type + ": " + what);
}

absl::Status MalformedField(const std::string& type, const std::string& path,
                            const std::string& what) {
  return InvalidArgument("REQUEST_MALFORMED",
                         "the body is not a JSON " + type + ": " + path + " " + what)
      .Field(path, what);
}

// "TYPE_UINT32" -> "uint32", ".../invigil.session.v1.ResponseWrite" -> "ResponseWrite".
std::string TypeWord(std::string_view type) {
  if (const size_t slash = type.find_last_of("./"); slash != std::string_view::npos)
    return std::string(type.substr(slash + 1));
  std::string word(type.substr(0, 5) == "TYPE_" ? type.substr(5) : type);
  std::transform(word.begin(), word.end(), word.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return word;
}

// The messages of json_util 3.21: "(PATH): invalid value V for type T", "(PATH) NAME: Cannot find
// field.", "NAME: Cannot find field.", and those with a caret.
absl::Status Translate(const std::string& type, std::string_view report, std::string_view json) {
  std::string_view rest = report;
  std::string path;
  if (!rest.empty() && rest.front() == '(') {
    const size_t end = rest.find(')');
    path = rest.substr(1, end - 1);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  constexpr std::string_view kUnknown = ": Cannot find field.";
  if (rest.ends_with(kUnknown)) {
    rest.remove_suffix(kUnknown.size());
    if (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    size_t end = std::min<size_t>(rest.size(), 64);
    while (end < rest.size() && (rest[end] & 0xc0) == 0x80) --end;  // never half a character
    return MalformedField(type, path + (path.empty() ? "" : ".") + std::string(rest.substr(0, end)),
                          "is not a field of it");
  }
  constexpr std::string_view kForType = " for type ";
  if (const size_t at = rest.rfind(kForType); !path.empty() && at != std::string_view::npos)
    return MalformedField(type, path, "must be a " + TypeWord(rest.substr(at + kForType.size())));
  if (!path.empty()) return MalformedField(type, path, "has a value of the wrong form");
  while (!rest.empty() && (rest.front() == ':' || rest.front() == ' ')) rest.remove_prefix(1);
  return Malformed(type, std::string(rest.substr(0, rest.find('\n'))) + Place(report, json));
}

}  // namespace

JsonCodec::JsonCodec(const google::protobuf::DescriptorPool& pool)
    : resolver_(util::NewTypeResolverForDescriptorPool(kPrefix, &pool)) {}
JsonCodec::~JsonCodec() = default;

absl::StatusOr<std::string> JsonCodec::ToBytes(const std::string& type,
                                               std::string_view json) const {
  std::string bytes;
  if (json.empty()) return bytes;
  const auto status =
      util::JsonToBinaryString(resolver_.get(), Url(type), {json.data(), json.size()}, &bytes);
  if (status.ok()) return bytes;
  return Translate(type, {status.message().data(), status.message().size()}, json);
}

absl::StatusOr<std::string> JsonCodec::ToJson(const std::string& type,
                                              std::string_view bytes) const {
  util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status =
      util::BinaryToJsonString(resolver_.get(), Url(type), std::string(bytes), &json, options);
  if (!status.ok()) return Internal("the service's answer is not a " + type);
  return json;
}

}  // namespace invigil::gateway
