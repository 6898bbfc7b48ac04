#include "common/base/time_zone_name.h"

#include <algorithm>

namespace invigil {
namespace {

constexpr size_t kMaxLength = 64;

bool Upper(char c) { return c >= 'A' && c <= 'Z'; }

bool Allowed(char c) {
  return Upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
         c == '-' || c == '+';
}

}  // namespace

bool IsTimeZoneName(std::string_view text) {
  if (text == "UTC") return true;
  return !text.empty() && text.size() <= kMaxLength &&
         std::all_of(text.begin(), text.end(), Allowed) && Upper(text.front()) &&
         text.back() != '/' && text.find('/') != text.npos && text.find("//") == text.npos;
}

}  // namespace invigil
