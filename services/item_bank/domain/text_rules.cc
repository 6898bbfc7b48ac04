#include "services/item_bank/domain/text_rules.h"

#include <algorithm>

namespace invigil::item_bank {
namespace {

bool Lower(char c) { return c >= 'a' && c <= 'z'; }
bool Upper(char c) { return c >= 'A' && c <= 'Z'; }
bool Digit(char c) { return c >= '0' && c <= '9'; }

template <typename Allowed>
bool Made(std::string_view text, size_t max, Allowed allowed) {
  return !text.empty() && text.size() <= max && std::all_of(text.begin(), text.end(), allowed);
}

bool Blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Well-formed UTF-8 by length and continuation bytes; overlong forms and surrogates refused.
bool IsUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = byte < 0x80                   ? 1
                          : byte >= 0xC2 && byte < 0xE0 ? 2
                          : byte >= 0xE0 && byte < 0xF0 ? 3
                          : byte >= 0xF0 && byte < 0xF5 ? 4
                                                        : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    if (length > 2) {
      const auto second = static_cast<unsigned char>(text[i + 1]);
      if (byte == 0xE0 && second < 0xA0) return false;
      if (byte == 0xED && second >= 0xA0) return false;
      if (byte == 0xF0 && second < 0x90) return false;
      if (byte == 0xF4 && second >= 0x90) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace

bool IsItemId(std::string_view text) {
  return Made(text, 64, [](char c) { return Lower(c) || Digit(c) || c == '.' || c == '-'; });
}
bool IsBankId(std::string_view text) {
  return Made(text, 64, [](char c) { return Lower(c) || Digit(c) || c == '-'; });
}
bool IsOptionId(std::string_view text) {
  return Made(text, 16, [](char c) { return Lower(c) || Digit(c); });
}
bool IsExamId(std::string_view text) {
  return Made(text, 32, [](char c) { return Lower(c) || Upper(c) || Digit(c) || c == '-'; });
}
bool IsBlueprintId(std::string_view text) {
  return Made(text, 16,
              [](char c) { return Lower(c) || Upper(c) || Digit(c) || c == '.' || c == '-'; });
}
bool IsHttpsUrl(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  return text.size() > kScheme.size() + 3 && text.size() <= 500 &&
         text.substr(0, kScheme.size()) == kScheme && text[kScheme.size()] != '/' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}
bool IsCleanText(std::string_view text, size_t max) {
  if (text.empty() || text.size() > max || Blank(text.front()) || Blank(text.back())) return false;
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
  });
  return !control && IsUtf8(text);
}

}  // namespace invigil::item_bank
