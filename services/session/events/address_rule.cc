#include "services/session/events/address_rule.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

#include "common/error/error.h"

namespace invigil::session {
namespace {

constexpr size_t kMaxUrl = 2000;

struct Block {
  uint32_t network;  // host byte order
  int bits;
};
constexpr Block kNotPublic[] = {
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // shared by carriers
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local, where clouds keep their metadata
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // 6to4 relays
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarks
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 4},   // multicast
    {0xf0000000, 4},   // reserved, broadcast
};

bool IsPublic4(uint32_t address) {
  for (const Block& block : kNotPublic) {
    if (address >> (32 - block.bits) == block.network >> (32 - block.bits)) return false;
  }
  return true;
}

uint32_t Read32(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 |
         uint32_t{bytes[3]};
}

bool IsPublic6(const std::array<uint8_t, 16>& a) {
  const auto begins = [&](std::initializer_list<uint8_t> prefix) {
    return std::equal(prefix.begin(), prefix.end(), a.begin());
  };
  // Behind these stands an IPv4 address.
  if (begins({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return IsPublic4(Read32(&a[12]));
  if (begins({0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return IsPublic4(Read32(&a[12]));
  if (begins({0x20, 0x02})) return IsPublic4(Read32(&a[2]));
  // Of the rest only global unicast, without Teredo and what is for protocols and documentation.
  if ((a[0] & 0xe0) != 0x20) return false;
  if (begins({0x20, 0x01}) && (a[2] & 0xfe) == 0) return false;
  return !begins({0x20, 0x01, 0x0d, 0xb8});
}

absl::Status Invalid(const std::string& what) {
  return InvalidArgument("WEBHOOK_INVALID", "events can't be sent there; see the fields")
      .Field("url", what);
}

// The host as an address, when it is one.
bool IsPrivateLiteral(std::string host) {
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (const size_t zone = host.find('%'); zone != std::string::npos) host.resize(zone);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    return !IsPublicAddress(reinterpret_cast<const sockaddr&>(v4));
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    return !IsPublicAddress(reinterpret_cast<const sockaddr&>(v6));
  }
  return host == "localhost";
}

}  // namespace

bool IsPublicAddress(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof(v4));
    return IsPublic4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 v6;
  std::memcpy(&v6, &address, sizeof(v6));
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return IsPublic6(bytes);
}

absl::Status CheckWebhookUrl(const std::string& url, const AddressRule& rule) {
  if (url.empty() || url.size() > kMaxUrl) return Invalid("must have 1 to 2,000 characters");
  // What reads it stops at a NUL, and what keeps it must keep all.
  for (const char byte : url) {
    if (static_cast<uint8_t>(byte) < 0x20 || byte == 0x7f) return Invalid("holds what is no text");
  }
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), &curl_url_cleanup);
  if (parsed == nullptr || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(),
                                        CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return Invalid("is no URL; give one such as https://example.org/invigil");
  }
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    std::string value;
    if (curl_url_get(parsed.get(), which, &text, 0) == CURLUE_OK) value = text;
    curl_free(text);
    return value;
  };
  const std::string scheme = part(CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") return Invalid("must begin with https://");
  if (scheme == "http" && !rule.allow_http) {
    return Invalid("must begin with https://; this service sends nothing unencrypted");
  }
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty()) {
    return Invalid("must not hold a user or a password; deliveries are signed");
  }
  if (!part(CURLUPART_FRAGMENT).empty()) return Invalid("must not have a fragment");
  const std::string host = part(CURLUPART_HOST);
  if (host.empty()) return Invalid("names no host");
  if (!rule.allow_private && IsPrivateLiteral(host)) {
    return Invalid("must name a host that is publicly reachable");
  }
  return absl::OkStatus();
}

}  // namespace invigil::session
