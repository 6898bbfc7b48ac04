#include "common/auth/base64url.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace invigil::auth {
namespace {

TEST(Base64Url, KnownTexts) {  // RFC 4648 section 10, without padding
  EXPECT_EQ(Base64UrlEncode(""), "");
  EXPECT_EQ(Base64UrlEncode("f"), "Zg");
  EXPECT_EQ(Base64UrlEncode("fo"), "Zm8");
  EXPECT_EQ(Base64UrlEncode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(Base64UrlEncode("\xfb\xff"), "-_8");
}

TEST(Base64Url, AnyBytesSurvive) {
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random.Below(70), '\0');
    for (char& c : bytes) c = static_cast<char>(random.Below(256));
    EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(bytes)), bytes);
  }
}

TEST(Base64Url, OneSpellingOnly) {
  EXPECT_EQ(Base64UrlDecode("Zg=="), std::nullopt);     // padding
  EXPECT_EQ(Base64UrlDecode("Zh"), std::nullopt);       // left-over bits
  EXPECT_EQ(Base64UrlDecode("Zm9vY"), std::nullopt);    // cut
  EXPECT_EQ(Base64UrlDecode("+/8"), std::nullopt);      // the other alphabet
  EXPECT_EQ(Base64UrlDecode("Zm9v\n"), std::nullopt);   // white space
  EXPECT_EQ(Base64UrlDecode("Zm9\xc3"), std::nullopt);  // a negative char
}

}  // namespace
}  // namespace invigil::auth
