#include "common/redis/address.h"

#include <fstream>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"

namespace invigil::redis {
namespace {

constexpr char kRedisScheme[] = "redis://";
constexpr char kSentinelScheme[] = "sentinel://";
constexpr int kSentinelPort = 26379;

// Everything up to the last '@' may be a password.
std::string WithoutCredentials(const std::string& text) {
  const size_t at = text.rfind('@');
  if (at == std::string::npos) return text;
  const size_t scheme = text.find("://");
  return (scheme == std::string::npos ? "" : text.substr(0, scheme + 3)) + "***" + text.substr(at);
}

Error Invalid(const std::string& text, const std::string& hint) {
  return InvalidArgument("REDIS_ADDRESS_INVALID",
                         "\"" + WithoutCredentials(text) + "\" is no Redis address; " + hint);
}

constexpr char kForms[] =
    "use unix:/path, host:port, redis://host:port or "
    "sentinel://host:port,host:port/master-name";

std::optional<std::string> PercentDecoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      return std::nullopt;
    }
    out.push_back(static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16)));
    i += 2;
  }
  return out;
}

// Cuts "user:password@" off the front of `rest`.
bool TakeCredentials(std::string* rest, Credentials* credentials) {
  const size_t at = rest->rfind('@');
  if (at == std::string::npos) return true;
  const std::string_view both = std::string_view(*rest).substr(0, at);
  const size_t colon = both.find(':');
  if (colon == std::string_view::npos) return false;  // a user without password is of no use
  const auto user = PercentDecoded(both.substr(0, colon));
  const auto password = PercentDecoded(both.substr(colon + 1));
  if (!user || !password || password->empty()) return false;
  *credentials = {*user, *password};
  rest->erase(0, at + 1);
  return true;
}

std::optional<Address> HostAndPort(const std::string& text, int default_port) {
  Address address;
  address.port = default_port;
  size_t colon = std::string::npos;
  if (text.starts_with("[")) {
    const size_t end = text.find(']');
    if (end == std::string::npos) return std::nullopt;
    address.host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return std::nullopt;
      colon = end + 1;
    }
  } else {
    colon = text.find(':');
    address.host = text.substr(0, colon);
    // Also catches an IPv6 address without brackets, below: its "port" is not a number.
  }
  if (colon != std::string::npos && !absl::SimpleAtoi(text.substr(colon + 1), &address.port)) {
    return std::nullopt;
  }
  if (address.host.empty() || address.host.find_first_of("/@ ") != std::string::npos) {
    return std::nullopt;
  }
  if (address.port < 1 || address.port > 65535) return std::nullopt;
  return address;
}

absl::StatusOr<Endpoint> ParseSentinels(const std::string& text) {
  Endpoint endpoint;
  std::string rest = text.substr(sizeof(kSentinelScheme) - 1);
  if (!TakeCredentials(&rest, &endpoint.credentials)) {
    return Invalid(text, "write the credentials as user:password@, special characters as %XX");
  }
  const size_t slash = rest.find('/');
  endpoint.master = slash == std::string::npos ? "" : rest.substr(slash + 1);
  if (endpoint.master.empty() || endpoint.master.find_first_of("/ ?#") != std::string::npos) {
    return Invalid(text, "end it with /master-name, as in the sentinels' configuration");
  }
  for (const auto& part : absl::StrSplit(rest.substr(0, slash), ',')) {
    const std::string one(part.data(), part.size());
    const std::optional<Address> sentinel = HostAndPort(one, kSentinelPort);
    if (!sentinel) return Invalid(text, "\"" + one + "\" is not host:port");
    endpoint.sentinels.push_back(*sentinel);
  }
  return endpoint;
}

}  // namespace

std::string Address::ToString() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

absl::StatusOr<Address> ParseAddress(const std::string& text) {
  if (text.starts_with("unix:")) {
    Address address;
    address.unix_path = text.substr(5);
    // The kernel keeps socket paths in 108 bytes.
    if (address.unix_path.empty() || address.unix_path.size() > 107) return Invalid(text, kForms);
    return address;
  }
  const std::optional<Address> address = HostAndPort(text, Address().port);
  if (!address) return Invalid(text, kForms);
  return *address;
}

std::string Endpoint::ToString() const {
  if (!by_sentinel()) return address.ToString();
  std::string out = kSentinelScheme;
  for (const Address& sentinel : sentinels) {
    if (&sentinel != sentinels.data()) out += ",";
    out += sentinel.ToString();
  }
  return out + "/" + master;
}

absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text) {
  if (text.starts_with(kSentinelScheme)) return ParseSentinels(text);
  if (!text.starts_with(kRedisScheme)) {
    absl::StatusOr<Address> address = ParseAddress(text);
    if (!address.ok()) return address.status();
    return Endpoint(*std::move(address));
  }
  Endpoint endpoint;
  std::string rest = text.substr(sizeof(kRedisScheme) - 1);
  if (!TakeCredentials(&rest, &endpoint.credentials)) {
    return Invalid(text, "write the credentials as user:password@, special characters as %XX");
  }
  const std::optional<Address> address = HostAndPort(rest, Address().port);
  if (!address) return Invalid(text, kForms);
  endpoint.address = *address;
  return endpoint;
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
