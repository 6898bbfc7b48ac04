// Small questions about identifiers and texts, asked by the checks.
#pragma once

#include <string_view>

namespace invigil::item_bank {

// 1 to so many characters, of the kind named.
bool IsItemId(std::string_view text);       // lower-case letters, digits, dot, dash; up to 64
bool IsBankId(std::string_view text);       // lower-case letters, digits, dash; up to 64
bool IsOptionId(std::string_view text);     // lower-case letters, digits; up to 16
bool IsExamId(std::string_view text);       // letters, digits, dash; up to 32
bool IsBlueprintId(std::string_view text);  // letters, digits, dot, dash; up to 16
bool IsHttpsUrl(std::string_view text);     // https://host...; no spaces; up to 500
// Not empty after trimming, no leading or trailing blanks, no control characters but line feed,
// valid UTF-8, at most `max` bytes.
bool IsCleanText(std::string_view text, size_t max);

}  // namespace invigil::item_bank
