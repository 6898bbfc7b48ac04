#include "common/log/json.h"

#include <charconv>
#include <cmath>
#include <cstdint>

namespace invigil::log {
namespace {

// Length of the well-formed UTF-8 character at the start of `text`; 0: there is none (RFC 3629:
// no overlong forms, no surrogates, nothing past U+10FFFF).
size_t CharacterLength(std::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto tail = [byte](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && second < 0xA0) return 0;
    if (first == 0xED && second > 0x9F) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && second < 0x90) return 0;
    if (first == 0xF4 && second > 0x8F) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

void AppendEscaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (c >= 0x20 && c != 0x7F) {
    out += static_cast<char>(c);
    return;
  }
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

void AppendPadded(std::string& out, unsigned value, int digits) {
  char buffer[10];
  for (int i = digits - 1; i >= 0; --i, value /= 10)
    buffer[i] = static_cast<char>('0' + value % 10);
  out.append(buffer, static_cast<size_t>(digits));
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text, size_t max_bytes) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    const size_t length = CharacterLength(text.substr(at, 4));
    if (at + (length ? length : 1) > max_bytes) {
      out += "...";
      break;
    }
    if (length == 1) {
      AppendEscaped(out, static_cast<unsigned char>(text[at]));
    } else if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else {
      out.append(text.substr(at, length));
    }
    at += length ? length : 1;
  }
  out += '"';
}

void AppendJsonNumber(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, result.ptr);
}

void AppendRfc3339(std::string& out, Time time) {
  const std::chrono::sys_time<Micros> instant{time.time_since_epoch()};
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date{day};
  const auto ms = static_cast<unsigned>(std::chrono::floor<Millis>(instant - day).count());
  AppendPadded(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += '-';
  AppendPadded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  AppendPadded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  AppendPadded(out, ms / 3'600'000, 2);
  out += ':';
  AppendPadded(out, ms / 60'000 % 60, 2);
  out += ':';
  AppendPadded(out, ms / 1000 % 60, 2);
  out += '.';
  AppendPadded(out, ms % 1000, 3);
  out += 'Z';
}

}  // namespace invigil::log
