#include "services/cli/core/names.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "services/cli/core/text.h"

namespace invigil::cli {

std::string NameWord(std::string_view enum_name, std::string_view prefix) {
  if (enum_name.starts_with(prefix)) enum_name.remove_prefix(prefix.size());
  std::string word(enum_name);
  absl::AsciiStrToLower(&word);
  for (char& c : word) c = c == '_' ? '-' : c;
  return word;
}

std::string EnumName(std::string_view word, std::string_view prefix) {
  std::string name(word);
  absl::AsciiStrToUpper(&name);
  for (char& c : name) c = c == '-' ? '_' : c;
  return std::string(prefix) + name;
}

std::string ClockTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

Duration ToDuration(const google::protobuf::Duration& span) {
  return Seconds(span.seconds()) + Duration(span.nanos() / 1000);
}

void SetDuration(Duration span, google::protobuf::Duration* to) {
  const int64_t microseconds = span.count();
  to->set_seconds(microseconds / 1'000'000);
  to->set_nanos(static_cast<int32_t>(microseconds % 1'000'000 * 1000));
}

std::string SpanText(const google::protobuf::Duration& span) {
  const long long microseconds = ToDuration(span).count();
  const long long size = microseconds < 0 ? -microseconds : microseconds;
  std::string text;
  if (size > 0 && size < 1'000'000) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "0:00.%03lld", size / 1000);
    text = digits;
  } else {
    text = ClockText(size);
  }
  return microseconds < 0 ? "-" + text : text;
}

}  // namespace invigil::cli
