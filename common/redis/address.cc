#include "common/redis/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <fstream>

#include "absl/strings/numbers.h"
#include "common/error/error.h"

namespace invigil::redis {

std::string Address::ToString() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

absl::StatusOr<Address> ParseAddress(const std::string& text) {
  const auto invalid = [&text] {
    return InvalidArgument("REDIS_ADDRESS_INVALID",
                           "\"" + text + "\" is no Redis address; use unix:/path or host:port");
  };
  Address address;
  if (text.starts_with("unix:")) {
    address.unix_path = text.substr(5);
    // The kernel keeps socket paths in 108 bytes.
    if (address.unix_path.empty() || address.unix_path.size() > 107) return invalid();
    return address;
  }
  size_t colon = std::string::npos;
  if (text.starts_with("[")) {
    const size_t end = text.find(']');
    if (end == std::string::npos) return invalid();
    address.host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return invalid();
      colon = end + 1;
    }
  } else {
    colon = text.find(':');
    address.host = text.substr(0, colon);
    // Also catches an IPv6 address without brackets, below: its "port" is not a number.
  }
  if (colon != std::string::npos && !absl::SimpleAtoi(text.substr(colon + 1), &address.port)) {
    return invalid();
  }
  if (address.host.empty() || address.port < 1 || address.port > 65535) return invalid();
  return address;
}

bool IsNumericHost(const std::string& host) {
  in6_addr out;
  return inet_pton(AF_INET, host.c_str(), &out) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &out) == 1;
}

absl::StatusOr<std::string> ResolveHost(const std::string& host) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) {
    return Unavailable("REDIS_HOST_UNKNOWN", "cannot resolve the Redis host \"" + host + "\"");
  }
  const addrinfo* chosen = found;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    if (a->ai_family == AF_INET) {
      chosen = a;
      break;
    }
  }
  char name[NI_MAXHOST] = "";
  const int rc = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, name, sizeof(name), nullptr, 0,
                             NI_NUMERICHOST);
  freeaddrinfo(found);
  if (rc != 0) {
    return Unavailable("REDIS_HOST_UNKNOWN", "cannot read the address of \"" + host + "\"");
  }
  return std::string(name);
}

absl::StatusOr<Credentials> ReadCredentials(const std::string& path) {
  Credentials credentials;
  if (path.empty()) return credentials;
  std::ifstream in(path);
  std::string first, second;
  if (!std::getline(in, first) || first.empty()) {
    return FailedPrecondition("REDIS_CREDENTIALS_UNREADABLE",
                              "cannot read the Redis credentials file \"" + path + "\"");
  }
  if (std::getline(in, second) && !second.empty()) {
    credentials = {first, second};
  } else {
    credentials.password = first;
  }
  return credentials;
}

}  // namespace invigil::redis
