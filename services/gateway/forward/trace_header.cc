#include "services/gateway/forward/trace_header.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "common/base/ids.h"
#include "common/base/random.h"

namespace invigil::gateway {
namespace {

constexpr size_t kLength = 55;  // 00-<32 hexadecimal digits>-<16>-<2>

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

bool IsTraceparent(std::string_view text) {
  return text.size() == kLength && text[0] == '0' && text[1] == '0' && text[2] == '-' &&
         text[35] == '-' && text[52] == '-' && IsHex(text.substr(3, 32)) &&
         IsHex(text.substr(36, 16)) && IsHex(text.substr(53, 2)) && !IsZero(text.substr(3, 32)) &&
         !IsZero(text.substr(36, 16));
}

void PutRandomHex(char* out, size_t words) {
  static thread_local Random random(std::strtoull(RandomHex(8).c_str(), nullptr, 16));
  for (; words > 0; --words) {
    for (uint64_t bits = random.Next() | 1, i = 0; i < 16; ++i, bits >>= 4)
      *out++ = "0123456789abcdef"[bits & 15];
  }
}

}  // namespace

std::string NextTraceparent(std::string_view incoming) {
  std::string header;
  if (IsTraceparent(incoming)) {
    header = incoming;
  } else {
    header.assign("00-00000000000000000000000000000000-0000000000000000-00");
    PutRandomHex(header.data() + 3, 2);
  }
  PutRandomHex(header.data() + 36, 1);
  return header;
}

}  // namespace invigil::gateway
