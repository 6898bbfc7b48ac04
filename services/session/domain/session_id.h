// A session's id in its compact form: 16 bytes, the key of every map and row. On the wire it is 32
// hexadecimal digits (common/base/ids.h).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/ids.h"

namespace invigil::session {

class SessionId {
 public:
  // All zeros; names no session.
  SessionId() = default;
  // nullopt unless `hex` is 32 lower-case hexadecimal digits.
  static std::optional<SessionId> FromHex(const std::string& hex) {
    if (!IsId(hex)) return std::nullopt;
    return FromBytes(IdToBytes(hex));
  }
  // nullopt unless there are 16 bytes.
  static std::optional<SessionId> FromBytes(std::string_view bytes) {
    if (bytes.size() != kSize) return std::nullopt;
    SessionId id;
    std::memcpy(id.bytes_.data(), bytes.data(), kSize);
    return id;
  }
  // Valid as long as this id.
  std::string_view bytes() const { return {bytes_.data(), kSize}; }
  std::string ToHex() const { return IdFromBytes(std::string(bytes())); }

  friend bool operator==(const SessionId&, const SessionId&) = default;
  // The order of the stores: bytes without a sign, on every machine.
  friend auto operator<=>(const SessionId& a, const SessionId& b) {
    return a.bytes() <=> b.bytes();
  }
  template <typename H>
  friend H AbslHashValue(H h, const SessionId& id) {
    return H::combine(std::move(h), id.bytes_);
  }

  static constexpr size_t kSize = 16;

 private:
  std::array<char, kSize> bytes_{};
};

}  // namespace invigil::session
