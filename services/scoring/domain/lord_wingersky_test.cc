#include "services/scoring/domain/lord_wingersky.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>

#include "services/scoring/domain/testing.h"

namespace invigil::scoring {
namespace {

TEST(LordWingersky, AgreesWithEveryPatternCounted) {
  Random random(3);
  for (size_t n : {1, 2, 5, 12}) {
    const auto items = testing::RandomItems(random, n);
    const double theta = random.Normal();
    std::vector<double> expected(n + 1, 0.0);
    for (uint32_t pattern = 0; pattern < (1u << n); ++pattern) {
      double p = 1;
      for (size_t j = 0; j < n; ++j) {
        const double right = Probability(items[j], theta);
        p *= (pattern >> j & 1) ? right : 1 - right;
      }
      expected[std::popcount(pattern)] += p;
    }
    const auto f = NumberCorrectDistribution(items, theta);
    ASSERT_EQ(f.size(), n + 1);
    for (size_t x = 0; x <= n; ++x) EXPECT_NEAR(f[x], expected[x], 1e-14);
  }
}

TEST(LordWingersky, SumsToOneWithTheCurveAsMeanAndTheDeviationAsSpread) {
  Random random(4);
  const auto items = testing::RandomItems(random, 90);
  for (double theta : {-8.0, -1.0, 0.0, 2.5, 8.0}) {
    const auto f = NumberCorrectDistribution(items, theta);
    double mean = 0, square = 0;
    for (size_t x = 0; x < f.size(); ++x) {
      mean += f[x] * static_cast<double>(x);
      square += f[x] * static_cast<double>(x * x);
    }
    EXPECT_NEAR(std::accumulate(f.begin(), f.end(), 0.0), 1, 1e-13);
    EXPECT_NEAR(mean, ExpectedNumberCorrect(items, theta), 1e-11);
    EXPECT_NEAR(std::sqrt(square - mean * mean), NumberCorrectDeviation(items, theta), 1e-6);
  }
}

TEST(LordWingersky, NoItemsMeansZeroRight) {
  EXPECT_EQ(NumberCorrectDistribution({}, 0), std::vector<double>{1});
}

}  // namespace
}  // namespace invigil::scoring
