#include "common/auth/token_cache.h"

#include <gtest/gtest.h>

namespace invigil::auth {
namespace {

std::shared_ptr<const VerifiedToken> Of(const std::string& subject) {
  auto verified = std::make_shared<VerifiedToken>();
  verified->principal.subject = subject;
  return verified;
}
std::string Name(int i) { return "token-" + std::to_string(i); }

TEST(TokenCache, FindsExactlyTheToken) {
  TokenCache cache(100);
  cache.Insert("abc", Of("a"));
  ASSERT_NE(cache.Find("abc"), nullptr);
  EXPECT_EQ(cache.Find("abc")->principal.subject, "a");
  EXPECT_EQ(cache.Find("ab"), nullptr);
  EXPECT_EQ(cache.Find("abcd"), nullptr);
  cache.Insert("abc", Of("b"));
  EXPECT_EQ(cache.Find("abc")->principal.subject, "b");
  EXPECT_EQ(cache.size(), 1u);
  cache.Erase("abc");
  cache.Erase("abc");
  EXPECT_EQ(cache.Find("abc"), nullptr);
}

TEST(TokenCache, StaysWithinItsBound) {
  for (const size_t bound : {0u, 1u, 7u, 100u, 1000u}) {
    TokenCache cache(bound);
    for (int i = 0; i < 5000; ++i) cache.Insert(Name(i), Of(Name(i)));
    EXPECT_LE(cache.size(), bound);
    EXPECT_GE(cache.size(), bound * 9 / 10);  // every shard fills
    size_t found = 0;
    for (int i = 0; i < 5000; ++i) {
      if (const auto hit = cache.Find(Name(i))) {
        ++found;
        EXPECT_EQ(hit->principal.subject, Name(i));
      }
    }
    EXPECT_EQ(found, cache.size());
  }
}

TEST(TokenCache, TheOneInUseStays) {
  TokenCache cache(64);
  cache.Insert("in use", Of("x"));
  for (int i = 0; i < 5000; ++i) {
    cache.Insert(Name(i), Of("y"));
    ASSERT_NE(cache.Find("in use"), nullptr) << i;
  }
}

}  // namespace
}  // namespace invigil::auth
