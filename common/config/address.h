// HOST:PORT, read strictly.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace invigil::config {

struct Address {
  std::string host;  // a name or an address; IPv6 without its brackets
  int port = 0;      // 0 to 65535; 0 lets the system choose, for listening only

  // HOST:PORT, with brackets around an IPv6 address.
  std::string ToString() const;
  friend bool operator==(const Address&, const Address&) = default;
};

// "127.0.0.1:7001", "redis.example:6379", "[::1]:7001". Errors: INVALID_ARGUMENT (ADDRESS_INVALID)
// saying what to write.
absl::StatusOr<Address> ParseAddress(std::string_view text);

}  // namespace invigil::config
