// The JSON inside a token, in both directions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/auth/principal.h"

namespace invigil::auth {

struct TokenHeader {
  std::string algorithm;  // alg; only compared with the key's own
  std::string key_id;     // kid; empty when absent
};

struct TokenClaims {
  Principal principal;
  Time not_before = Time::min();      // claim nbf
  std::string issuer;                 // claim iss; empty when absent
  std::vector<std::string> audience;  // claim aud, one or many
};

// Errors of both: INVALID_ARGUMENT saying which member is wrong and how, without its value.
absl::StatusOr<TokenHeader> ParseTokenHeader(std::string_view json);
absl::StatusOr<TokenClaims> ParseTokenClaims(std::string_view json);

std::string FormatTokenHeader(const TokenHeader& header);
// nullopt when a string is not UTF-8. `audience` must hold one.
std::optional<std::string> FormatTokenClaims(const TokenClaims& claims, Time issued);

}  // namespace invigil::auth
