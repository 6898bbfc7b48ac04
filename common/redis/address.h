#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace invigil::redis {

// Where a Redis listens: a unix socket, or a host and port.
struct Address {
  std::string unix_path;  // set: the rest is unused
  std::string host;       // a name, or a numeric address without brackets
  int port = 6379;

  std::string ToString() const;
  friend bool operator==(const Address&, const Address&) = default;
};

// "unix:/run/redis.sock", "127.0.0.1:6379", "redis.internal", "[::1]:6379".
// Fails with INVALID_ARGUMENT, reason REDIS_ADDRESS_INVALID.
absl::StatusOr<Address> ParseAddress(const std::string& text);

struct Credentials {
  std::string user, password;  // no user: the default one
};
// Reads "user\npassword\n", or a single line with the password of the default user. An empty path
// gives empty credentials. Fails with FAILED_PRECONDITION, reason REDIS_CREDENTIALS_UNREADABLE.
absl::StatusOr<Credentials> ReadCredentials(const std::string& path);

// Which Redis a client talks to: one server, or the master that sentinels name.
struct Endpoint {
  Address address;
  std::vector<Address> sentinels;  // not empty: `address` is unused
  std::string master;              // what the sentinels call it
  Credentials credentials;         // of Redis, when they were part of the text

  Endpoint() = default;
  Endpoint(Address a) : address(std::move(a)) {}  // NOLINT: an address is an endpoint

  bool by_sentinel() const { return !sentinels.empty(); }
  // Without the credentials: fit for logs.
  std::string ToString() const;
};

// Every form of ParseAddress, and
//   redis://[[user]:password@]host[:port]
//   sentinel://[[user]:password@]host[:port],host[:port]/master-name    (port 26379 if not given)
// with the special characters of user and password as %XX. Credentials in a command line can be
// read by every user of the machine: a file is better. Fails with INVALID_ARGUMENT, reason
// REDIS_ADDRESS_INVALID; the message never quotes credentials.
absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text);

}  // namespace invigil::redis
