// Hashes: SHA-256 where people or machines must be able to check, a fast stable one for routing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace invigil {

// 64 hexadecimal digits.
std::string Sha256Hex(std::string_view data);

// 32 bytes. HMAC-SHA-256 (RFC 2104).
std::string HmacSha256(std::string_view key, std::string_view data);

// FNV-1a with a finishing mix; the same on every machine and in every release. Not for secrets.
uint64_t StableHash(std::string_view data, uint64_t seed = 0);

}  // namespace invigil
