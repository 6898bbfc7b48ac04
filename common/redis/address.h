#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace invigil::redis {

// Where a Redis listens: a unix socket, or a host and port.
struct Address {
  std::string unix_path;  // set: the rest is unused
  std::string host;       // a name, or a numeric address without brackets
  int port = 6379;

  std::string ToString() const;
};

// "unix:/run/redis.sock", "127.0.0.1:6379", "redis.internal", "[::1]:6379".
// Fails with INVALID_ARGUMENT, reason REDIS_ADDRESS_INVALID.
absl::StatusOr<Address> ParseAddress(const std::string& text);

// Whether `host` can be connected to without asking a resolver.
bool IsNumericHost(const std::string& host);

// A numeric address behind a name, IPv4 if there is one. Blocks for as long as the system's
// resolver does. Fails with UNAVAILABLE, reason REDIS_HOST_UNKNOWN.
absl::StatusOr<std::string> ResolveHost(const std::string& host);

struct Credentials {
  std::string user, password;
};
// Reads "user\npassword\n", or a single line with the password of the default user. An empty path
// gives empty credentials. Fails with FAILED_PRECONDITION, reason REDIS_CREDENTIALS_UNREADABLE.
absl::StatusOr<Credentials> ReadCredentials(const std::string& path);

}  // namespace invigil::redis
