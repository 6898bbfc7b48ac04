#include "common/config/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"

namespace invigil::config {
namespace {

TEST(Address, ReadsAndWritesBack) {
  for (const Address& address : {Address{"127.0.0.1", 7001}, Address{"redis.example", 6379},
                                 Address{"::1", 0}, Address{"localhost", 65535}}) {
    const auto parsed = ParseAddress(address.ToString());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, address);
  }
}

TEST(Address, MistakesSayWhatIsWrong) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "has no port"},
      {"host", "has no port"},
      {"host:", "has no port"},
      {":80", "has no host"},
      {"[]:80", "has no host"},
      {"[::1]", "more than one colon|behind the closing bracket"},
      {"::1:80", "more than one colon"},
      {"host:http", "has a port that is not 0 to 65535"},
      {"host:65536", "has a port that is not 0 to 65535"},
      {"host:-1", "has a port that is not 0 to 65535"},
      {"host:-0", "has a port that is not 0 to 65535"},
      {"http://host:80", "has a space, a slash or an @"},
      {" host:80", "has a space, a slash or an @"},
      {"user@host:80", "has a space, a slash or an @"},
  };
  for (const auto& [text, expected] : kCases) {
    const absl::Status status = ParseAddress(text).status();
    EXPECT_EQ(ReasonOf(status), "ADDRESS_INVALID") << text;
    const std::string message(status.message());
    EXPECT_THAT(message, ::testing::ContainsRegex(expected)) << text;
    EXPECT_THAT(message, ::testing::HasSubstr("write HOST:PORT")) << text;
  }
}

}  // namespace
}  // namespace invigil::config
