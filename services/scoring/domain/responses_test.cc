#include "services/scoring/domain/responses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"
#include "services/scoring/domain/testing.h"

namespace invigil::scoring {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(Responses, OrderOnTheWireNeverMatters) {
  const auto a = Canonical({{"b", {"C", "A"}}, {"a", {}}});
  const auto b = Canonical({{"a", {}}, {"b", {"A", "C"}}});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(Serialize(*a), Serialize(*b));
  EXPECT_EQ(Serialize(*a), "a\nb A C\n");
}

TEST(Responses, TextReadsBackTheSame) {
  const auto responses = Canonical({{"b", {"C", "A"}}, {"a", {}}, {"zz", {"F"}}});
  const auto read = ParseResponses(Serialize(*responses));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, *responses);
  EXPECT_TRUE(ParseResponses("")->empty());
  EXPECT_FALSE(ParseResponses("a A\nb").ok());
}

TEST(Responses, EveryProblemIsNamedWithItsPlace) {
  const auto bad =
      Canonical({{"a", {"A", "A"}}, {"a", {}}, {"", {}}, {"x y", {"A"}}, {"b", {"a"}}});
  ASSERT_FALSE(bad.ok());
  const ErrorView view = ViewError(bad.status());
  EXPECT_EQ(view.reason, "RESPONSE_INVALID");
  EXPECT_THAT(view.fields, ElementsAre(Pair("responses[0].option_ids", ::testing::_),
                                       Pair("responses[1].item_id", ::testing::_),
                                       Pair("responses[2].item_id", ::testing::_),
                                       Pair("responses[3].item_id", ::testing::_),
                                       Pair("responses[4].option_ids", ::testing::_)));
}

TEST(Responses, ForeignItemsAndOptionsAreRefusedOnPretestItemsToo) {
  Random random(1);
  const auto items = testing::RandomItems(random, 8);
  const ScoringKey key = testing::MakeKey(items, items, 5, 4);
  const auto pretest = std::find_if(key.items.begin(), key.items.end(),
                                    [](const KeyedItem& item) { return !item.operational; });
  ASSERT_EQ(pretest->option_count, 4u);
  EXPECT_TRUE(CheckAgainst({{pretest->item_id, {"D"}}}, key).ok());
  EXPECT_EQ(ReasonOf(CheckAgainst({{pretest->item_id, {"E"}}}, key)), "RESPONSE_INVALID");
  EXPECT_EQ(ReasonOf(CheckAgainst({{"nowhere", {}}}, key)), "RESPONSE_INVALID");
}

TEST(Responses, AFloodOfProblemsStaysSmall) {
  std::vector<SealedResponse> responses(5000, {"same", {"A"}});
  EXPECT_LE(ViewError(Canonical(responses).status()).fields.size(), 20u);
}

}  // namespace
}  // namespace invigil::scoring
