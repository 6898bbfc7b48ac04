// Base64url without padding (RFC 4648 section 5), as tokens and JWKs use it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace invigil::auth {

std::string Base64UrlEncode(std::string_view bytes);

// Strict, so that every byte string has one spelling: no padding, no white space, no other
// alphabet, no left-over bits. nullopt otherwise. Empty text is the empty string.
std::optional<std::string> Base64UrlDecode(std::string_view text);

}  // namespace invigil::auth
