// Text that goes into the log must be readable for ever; the log's format refuses what is not UTF-8
// only when it is read, which is too late.
#pragma once

#include <cstddef>
#include <string_view>

namespace invigil::session {

// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong, up to U+10FFFF).
bool IsUtf8(std::string_view text);

// Whether `text` is UTF-8 of 1 to `max` bytes: fit for a required field. Without a NUL, which not
// every store keeps.
inline bool IsText(std::string_view text, size_t max) {
  return !text.empty() && text.size() <= max && text.find('\0') == std::string_view::npos &&
         IsUtf8(text);
}

}  // namespace invigil::session
