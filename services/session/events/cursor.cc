#include "services/session/events/cursor.h"

#include <charconv>

namespace invigil::session {
namespace {

constexpr uint64_t kMarks = uint64_t{1} << kCursorMarkBits;

uint32_t MarkOf(std::string_view hash) {
  const std::string_view digits = hash.substr(0, kCursorMarkBits / 4);
  uint32_t mark = 0;
  const char* end = digits.data() + digits.size();
  if (digits.empty() || std::from_chars(digits.data(), end, mark, 16).ptr != end) return 0;
  return mark == 0 ? 1 : mark;
}

}  // namespace

uint64_t CursorAt(uint64_t n, std::string_view hash) {
  return n == 0 ? 0 : n * kMarks + MarkOf(hash);
}

Cursor ParseCursor(uint64_t cursor) {
  if (cursor < kMarks) return {cursor, 0};
  return {cursor / kMarks, static_cast<uint32_t>(cursor % kMarks)};
}

}  // namespace invigil::session
