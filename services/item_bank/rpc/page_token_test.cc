#include "services/item_bank/rpc/page_token.h"

#include <gtest/gtest.h>

#include "common/error/error.h"

namespace invigil::item_bank {
namespace {

TEST(PageToken, ReadsBackInItsOwnListOnly) {
  const std::string token = MakePageToken("secret", "items bank", "clf-1.1-050");
  EXPECT_EQ(*ReadPageToken("secret", "items bank", token), "clf-1.1-050");
  EXPECT_EQ(*ReadPageToken("secret", "items bank", ""), "");
  for (const auto& [secret, scope] :
       {std::pair{"secret", "items other"}, {"other", "items bank"}}) {
    EXPECT_EQ(ReasonOf(ReadPageToken(secret, scope, token).status()), "PAGE_INVALID");
  }
  EXPECT_FALSE(ReadPageToken("secret", "items bank", "not base64 !").ok());
  EXPECT_FALSE(ReadPageToken("secret", "items bank", token.substr(0, 8)).ok());
  EXPECT_EQ(token.find("clf"), std::string::npos);
}

TEST(PageSize, HasADefaultAndABound) {
  EXPECT_EQ(*PageSize(0, 50, 200), 50);
  EXPECT_EQ(*PageSize(7, 50, 200), 7);
  EXPECT_EQ(*PageSize(999, 50, 200), 200);
  EXPECT_EQ(ReasonOf(PageSize(-1, 50, 200).status()), "PAGE_INVALID");
}

}  // namespace
}  // namespace invigil::item_bank
