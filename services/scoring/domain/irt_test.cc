#include "services/scoring/domain/irt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "services/scoring/domain/testing.h"

namespace invigil::scoring {
namespace {

TEST(Irt, ProbabilityIsHalfwayBetweenGuessingAndOneAtTheDifficulty) {
  EXPECT_DOUBLE_EQ(Probability({.slope = 1.3, .difficulty = 0.4, .lower_asymptote = 0.2}, 0.4),
                   0.6);
  EXPECT_DOUBLE_EQ(Probability({.slope = 1, .difficulty = 0}, 1), 1 / (1 + std::exp(-1)));
}

TEST(Irt, InformationIsTheSquaredSlopeOverTheVariance) {
  Random random(7);
  for (const ItemParameters& item : testing::RandomItems(random, 50)) {
    const double theta = 3 * random.Normal(), h = 1e-5;
    const double p = Probability(item, theta);
    const double slope = (Probability(item, theta + h) - Probability(item, theta - h)) / (2 * h);
    EXPECT_NEAR(Information(item, theta), slope * slope / (p * (1 - p)), 1e-8);
  }
}

TEST(Irt, InformationStaysANumberFarOut) {
  for (double g : {0.0, 0.2}) {
    for (double theta : {-1000.0, 1000.0}) {
      EXPECT_EQ(Information({.slope = 2, .difficulty = 0, .lower_asymptote = g}, theta), 0);
    }
  }
}

TEST(Irt, AbilityAtInvertsTheCurve) {
  Random random(8);
  for (int form = 0; form < 50; ++form) {
    const auto items = testing::RandomItems(random, 1 + random.Below(80), random.Normal());
    const double floor = LowerAsymptoteSum(items), most = static_cast<double>(items.size());
    for (double share : {0.01, 0.2, 0.5, 0.9, 0.99}) {
      const double x = floor + share * (most - floor);
      const auto theta = AbilityAt(items, x);
      ASSERT_TRUE(theta.has_value());
      EXPECT_NEAR(ExpectedNumberCorrect(items, *theta), x, 1e-12 * std::max(1.0, x));
    }
  }
}

TEST(Irt, AbilityAtFindsSteepFlatAndFarItems) {
  for (double slope : {1e-3, 1.0, 50.0}) {
    for (double difficulty : {-30.0, 0.0, 30.0}) {
      const std::vector<ItemParameters> items(3, {slope, difficulty, 0});
      const auto theta = AbilityAt(items, 1.5);
      ASSERT_TRUE(theta.has_value()) << slope << " " << difficulty;
      EXPECT_NEAR(*theta, difficulty, 1e-8);
    }
  }
}

TEST(Irt, AbilityAtHasNoAnswerAtTheEnds) {
  const std::vector<ItemParameters> items(4, {1, 0, 0.25});
  EXPECT_FALSE(AbilityAt(items, 0));
  EXPECT_FALSE(AbilityAt(items, 1));  // what guessing gives
  EXPECT_FALSE(AbilityAt(items, 4));
  EXPECT_FALSE(AbilityAt(items, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(AbilityAt(items, 1.001));
  EXPECT_TRUE(AbilityAt(items, 3.999));
}

TEST(Irt, ValidityRefusesWhatIsNoItem) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(IsValid({1, 0, 0}));
  EXPECT_FALSE(IsValid({0, 0, 0}));
  EXPECT_FALSE(IsValid({-1, 0, 0}));
  EXPECT_FALSE(IsValid({nan, 0, 0}));
  EXPECT_FALSE(IsValid({1, nan, 0}));
  EXPECT_FALSE(IsValid({1, INFINITY, 0}));
  EXPECT_FALSE(IsValid({1, 0, 1}));
  EXPECT_FALSE(IsValid({1, 0, -0.1}));
  EXPECT_FALSE(IsValid({1, 0, nan}));
}

}  // namespace
}  // namespace invigil::scoring
