#include "services/session/events/address_rule.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "common/error/error.h"

namespace invigil::session {
namespace {

bool Public(const char* text) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text, &v6->sin6_addr), 1) << text;
    v6->sin6_family = AF_INET6;
  }
  return IsPublicAddress(reinterpret_cast<const sockaddr&>(storage));
}

TEST(AddressRuleTest, TellsPublicAddressesFromOthers) {
  for (const char* text :
       {"1.1.1.1",         "8.8.8.8",        "9.255.255.255",    "11.0.0.0",
        "100.63.255.255",  "100.128.0.0",    "126.255.255.255",  "128.0.0.0",
        "169.253.255.255", "172.15.255.255", "172.32.0.0",       "192.167.255.255",
        "198.17.255.255",  "198.20.0.0",     "223.255.255.255",  "2606:4700:4700::1111",
        "2a00::1",         "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_TRUE(Public(text)) << text;
  }
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.254",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.7",
                           "192.168.0.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fc00::1",
                           "fd12::1",
                           "fe80::1",
                           "febf::1",
                           "ff02::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::7f00:1",
                           "64:ff9b::7f00:1",
                           "64:ff9b::a00:1",
                           "2002:7f00:1::",
                           "2002:c0a8:1::1",
                           "2001::1",
                           "2001:db8::1",
                           "fec0::1"}) {
    EXPECT_FALSE(Public(text)) << text;
  }
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_FALSE(IsPublicAddress(other));
}

TEST(AddressRuleTest, ChecksTheFormOfUrls) {
  const AddressRule strict, open{.allow_http = true, .allow_private = true};
  for (const char* url : {"https://example.org", "https://example.org:8443/a/b?c=d",
                          "https://8.8.8.8/x", "https://[2606:4700::1]/x"}) {
    EXPECT_TRUE(CheckWebhookUrl(url, strict).ok()) << url;
  }
  for (const char* url : {"http://example.org/", "https://127.0.0.1/", "https://localhost/",
                          "https://10.1.2.3/", "https://[::1]/", "https://[fe80::1%25eth0]/",
                          "https://169.254.169.254/latest", "https://0/", "https://2130706433/"}) {
    EXPECT_EQ(ReasonOf(CheckWebhookUrl(url, strict)), "WEBHOOK_INVALID") << url;
  }
  EXPECT_TRUE(CheckWebhookUrl("http://127.0.0.1:9/x", open).ok());
  for (const char* url :
       {"", "example.org", "ftp://example.org/", "file:///etc/passwd", "https://",
        "https://user@example.org/", "https://user:word@example.org/", "https://example.org/#part",
        "https://exa mple.org/", "gopher://example.org/"}) {
    EXPECT_EQ(ReasonOf(CheckWebhookUrl(url, open)), "WEBHOOK_INVALID") << url;
  }
  EXPECT_FALSE(CheckWebhookUrl("https://e.org/" + std::string(2000, 'x'), open).ok());
  for (const char hidden : {'\0', '\t', '\n', '\x1f', '\x7f'}) {
    EXPECT_FALSE(CheckWebhookUrl(std::string("https://e.org/") + hidden + "x", open).ok());
  }
}

}  // namespace
}  // namespace invigil::session
