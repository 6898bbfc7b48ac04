#include "services/item_bank/domain/blueprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "common/base/random.h"

namespace invigil::item_bank {
namespace {

using ::testing::ElementsAre;

TEST(Apportion, WholeSharesAreExact) {
  EXPECT_THAT(Apportion({24, 30, 34, 12}, 50), ElementsAre(12, 15, 17, 6));
  EXPECT_THAT(Apportion({30, 26, 24, 20}, 50), ElementsAre(15, 13, 12, 10));
  EXPECT_THAT(Apportion({20, 24, 28, 14, 14}, 50), ElementsAre(10, 12, 14, 7, 7));
}

TEST(Apportion, TieGoesToTheLargerWeight) {
  EXPECT_THAT(Apportion({24, 30, 34, 12}, 10), ElementsAre(2, 3, 4, 1));
  EXPECT_THAT(Apportion({34, 30, 24, 12}, 10), ElementsAre(4, 3, 2, 1));
}

TEST(Apportion, EqualWeightsGoToTheEarlierPlace) {
  EXPECT_THAT(Apportion({1, 1, 1}, 4), ElementsAre(2, 1, 1));
}

TEST(Apportion, NothingToShare) {
  EXPECT_THAT(Apportion({0, 0}, 5), ElementsAre(0, 0));
  EXPECT_THAT(Apportion({}, 5), ElementsAre());
  EXPECT_THAT(Apportion({3, 1}, 0), ElementsAre(0, 0));
}

TEST(Apportion, AlwaysAddsUpAndStaysWithinOneOfTheExactShare) {
  Random random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<double> weights(1 + random.Below(8));
    for (double& w : weights) w = 1 + static_cast<double>(random.Below(60));
    const auto total = static_cast<uint32_t>(random.Below(200));
    const auto counts = Apportion(weights, total);
    const auto shares = ExactShares(weights, total);
    ASSERT_EQ(std::accumulate(counts.begin(), counts.end(), 0u), total);
    for (size_t i = 0; i < counts.size(); ++i) ASSERT_LT(std::abs(counts[i] - shares[i]), 1.0);
  }
}

}  // namespace
}  // namespace invigil::item_bank
