// The text of a JWKS file (RFC 7517) and the keys in it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "common/auth/public_key.h"

namespace invigil::auth {

using KeySet = std::unordered_map<std::string, std::shared_ptr<const PublicKey>>;  // by key id

// Keys of kinds we do not know, and keys for other uses, are left out (RFC 7517 section 5). Errors:
// INVALID_ARGUMENT saying which key is wrong and how: a broken key of a known kind, a key without
// an id, two with one id, a private or symmetric key (it has no business in this file), no usable
// key at all.
absl::StatusOr<KeySet> ParseKeySet(std::string_view text);

// The text with an Ed25519 key added; empty text is an empty set. Members we do not know are kept.
// Errors: INVALID_ARGUMENT as above; ALREADY_EXISTS when the key id is taken.
absl::StatusOr<std::string> AddEd25519Key(std::string_view text, const std::string& key_id,
                                          std::string_view x,
                                          const std::vector<std::string>& roles);

}  // namespace invigil::auth
