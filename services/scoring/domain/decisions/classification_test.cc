#include "services/scoring/domain/decisions/classification.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/random.h"
#include "common/error/error.h"
#include "services/scoring/domain/decisions/livingston_lewis.h"

namespace invigil::scoring {
namespace {

std::vector<ItemParameters> Items(size_t n) {
  std::vector<ItemParameters> items;
  for (size_t i = 0; i < n; ++i) {
    items.push_back({1, -1.5 + 3.0 * static_cast<double>(i) / static_cast<double>(n), 0});
  }
  return items;
}

void ExpectCoherent(const Classification& c) {
  EXPECT_NEAR(c.accuracy + c.false_positive + c.false_negative, 1, 1e-9);
  double observed = 0, truth = 0;
  for (double share : c.observed) observed += share;
  for (double share : c.true_share) truth += share;
  EXPECT_NEAR(observed, 1, 1e-9);
  EXPECT_NEAR(truth, 1, 1e-9);
  EXPECT_GE(c.consistency, c.chance_consistency - 1e-9);
  EXPECT_LE(c.consistency, 1 + 1e-9);
}

// Two administrations of a form, counted: what the formulas claim about them must come out.
TEST(Classification, LeeIsWhatSimulatedPairsOfFormsShow) {
  const auto items = Items(40);
  const AbilityNodes nodes = NormalNodes(81, -5, 5);
  const double cut = 24;
  const auto lee = LeeClassification(items, std::vector<double>{cut}, nodes);
  ASSERT_TRUE(lee.ok());
  ExpectCoherent(*lee);
  Random random(7);
  int agree = 0, right = 0, high = 0, low = 0;
  constexpr int kPersons = 40'000;
  for (int person = 0; person < kPersons; ++person) {
    const double theta = random.Normal();
    int one = 0, two = 0;
    for (const ItemParameters& item : items) {
      const double p = Probability(item, theta);
      one += random.Uniform() < p;
      two += random.Uniform() < p;
    }
    const bool truth = ExpectedNumberCorrect(items, theta) >= cut;
    agree += (one >= cut) == (two >= cut);
    right += (one >= cut) == truth;
    high += one >= cut && !truth;
    low += one < cut && truth;
  }
  // Monte Carlo deviations are below 0.0018; nodes 0.125 apart put the true cut off by as much.
  EXPECT_NEAR(lee->consistency, agree / double{kPersons}, 0.01);
  EXPECT_NEAR(lee->accuracy, right / double{kPersons}, 0.015);
  EXPECT_NEAR(lee->false_positive, high / double{kPersons}, 0.015);
  EXPECT_NEAR(lee->false_negative, low / double{kPersons}, 0.015);
}

TEST(Classification, LivingstonLewisIsWhatSimulatedPairsOfFormsShow) {
  // Binomial items: the effective length is the length, and alpha is the reliability.
  Random random(8);
  constexpr int kPersons = 20'000, kItems = 40;
  std::vector<double> scores;
  std::vector<double> truth;
  double agree = 0, right = 0, product = 0, one_sum = 0, two_sum = 0, squares = 0;
  for (int person = 0; person < kPersons; ++person) {
    const double tau = 0.2 + 0.7 / (1 + std::exp(-1.3 * random.Normal()));
    int one = 0, two = 0;
    for (int i = 0; i < kItems; ++i) {
      one += random.Uniform() < tau;
      two += random.Uniform() < tau;
    }
    scores.push_back(one);
    agree += (one >= 26) == (two >= 26);
    right += (one >= 26) == (tau >= 26.0 / kItems);
    product += one * two;
    one_sum += one;
    two_sum += two;
    squares += one * one;
  }
  const double mean = one_sum / kPersons;
  const double reliability =
      (product / kPersons - mean * two_sum / kPersons) / (squares / kPersons - mean * mean);
  const auto result = LivingstonLewis(
      {.scores = scores, .reliability = reliability, .min = 0, .max = kItems, .cut = 26});
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectCoherent(result->classification);
  EXPECT_NEAR(result->effective_length, kItems, 2);
  EXPECT_NEAR(result->classification.consistency, agree / kPersons, 0.015);
  EXPECT_NEAR(result->classification.accuracy, right / kPersons, 0.015);
}

TEST(Classification, RudnerAtTheCutIsACoin) {
  const std::vector<double> cuts = {0.5};
  const auto one = RudnerClassification(cuts, {{0.5}, {3}}, std::vector<double>{0.3});
  ASSERT_TRUE(one.ok());
  EXPECT_DOUBLE_EQ(one->accuracy, 0.5);
  EXPECT_DOUBLE_EQ(one->consistency, 0.5);
  EXPECT_NEAR(one->kappa.value(), 0, 1e-12);
  const auto far = RudnerClassification(cuts, {{9}, {1}}, std::vector<double>{0.3});
  ASSERT_TRUE(far.ok());
  EXPECT_DOUBLE_EQ(far->consistency, 1);
  EXPECT_FALSE(far->kappa.has_value());  // everybody is in one category: chance explains all
}

TEST(Classification, MoreItemsDecideBetter) {
  double accuracy = 0, consistency = 0;
  for (size_t n : {10u, 20u, 40u, 80u}) {
    const auto lee = LeeClassification(Items(n), std::vector<double>{0.6 * static_cast<double>(n)},
                                       NormalNodes(201, -5, 5));
    ASSERT_TRUE(lee.ok());
    ExpectCoherent(*lee);
    EXPECT_GT(lee->accuracy, accuracy);
    EXPECT_GT(lee->consistency, consistency);
    accuracy = lee->accuracy;
    consistency = lee->consistency;
  }
}

TEST(Classification, BadInputIsANamedError) {
  const auto items = Items(10);
  const AbilityNodes nodes = NormalNodes(11, -3, 3);
  const auto lee = [&](std::vector<double> cuts, const AbilityNodes& n) {
    return ReasonOf(LeeClassification(items, cuts, n).status());
  };
  EXPECT_EQ(ReasonOf(LeeClassification({}, std::vector<double>{3}, nodes).status()), "ITEMS_EMPTY");
  EXPECT_EQ(lee({}, nodes), "CUT_INVALID");
  EXPECT_EQ(lee({3, 3}, nodes), "CUT_INVALID");
  EXPECT_EQ(lee({std::nan("")}, nodes), "CUT_INVALID");
  EXPECT_EQ(lee({0}, nodes), "CUT_OUTSIDE_SCALE");
  EXPECT_EQ(lee({11}, nodes), "CUT_OUTSIDE_SCALE");
  EXPECT_EQ(lee({3}, {}), "ABILITY_INVALID");
  EXPECT_EQ(lee({3}, {{0}, {-1}}), "ABILITY_INVALID");
  EXPECT_EQ(lee({3}, {{0}, {0}}), "ABILITY_INVALID");
  EXPECT_EQ(lee({3}, {{std::nan("")}, {1}}), "ABILITY_INVALID");
  const std::vector<double> cuts = {0};
  EXPECT_EQ(ReasonOf(RudnerClassification(cuts, nodes, {}).status()), "ABILITY_INVALID");
  EXPECT_EQ(ReasonOf(RudnerClassification(cuts, {{0}, {1}}, std::vector<double>{0}).status()),
            "ABILITY_INVALID");
  EXPECT_EQ(ReasonOf(InformationErrors(items, {{5000}, {1}}).status()), "INFORMATION_ZERO");
}

TEST(LivingstonLewis, BadInputIsANamedError) {
  const std::vector<double> scores = {3, 5, 6, 7, 9, 4, 8, 2, 5, 6};
  const auto reason = [&](LivingstonLewisInput input) {
    return ReasonOf(LivingstonLewis(input).status());
  };
  const LivingstonLewisInput good{
      .scores = scores, .reliability = 0.5, .min = 0, .max = 10, .cut = 6};
  EXPECT_EQ(reason(good), "");
  LivingstonLewisInput bad = good;
  bad.scores = {};
  EXPECT_EQ(reason(bad), "SCORES_EMPTY");
  bad = good;
  bad.max = 8;
  EXPECT_EQ(reason(bad), "SCORE_OUTSIDE_SCALE");
  bad = good;
  bad.min = 10;
  EXPECT_EQ(reason(bad), "SCALE_INVALID");
  for (double cut : {0.0, 10.5, std::nan("")}) {
    bad = good;
    bad.cut = cut;
    EXPECT_EQ(reason(bad), "CUT_OUTSIDE_SCALE");
  }
  for (double reliability : {0.0, 1.0, -0.3, std::nan("")}) {
    bad = good;
    bad.reliability = reliability;
    EXPECT_EQ(reason(bad), "RELIABILITY_INVALID");
  }
  const std::vector<double> same(10, 5.0);
  bad = good;
  bad.scores = same;
  EXPECT_EQ(reason(bad), "SCORES_WITHOUT_VARIANCE");
  // Scores at the ends only: more variance than any test of two binomial items gives.
  const std::vector<double> ends = {0, 10, 0, 10, 0, 10};
  bad = good;
  bad.scores = ends;
  EXPECT_EQ(reason(bad), "MOMENTS_INVALID");
}

TEST(LivingstonLewis, FallsBackToTwoParametersAndSaysSo) {
  Random random(3);
  int fell = 0;
  for (int trial = 0; trial < 60; ++trial) {
    std::vector<double> scores;
    for (int i = 0; i < 40; ++i) scores.push_back(static_cast<double>(3 + random.Below(18)));
    const auto result =
        LivingstonLewis({.scores = scores, .reliability = 0.8, .min = 0, .max = 20, .cut = 12});
    if (!result.ok()) {
      EXPECT_EQ(ReasonOf(result.status()), "MOMENTS_INVALID");
      continue;
    }
    ExpectCoherent(result->classification);
    EXPECT_EQ(result->fallback.empty(), result->model == TrueScoreModel::kFourParameter);
    EXPECT_GE(result->true_scores.low, 0);
    EXPECT_LE(result->true_scores.high, 1);
    fell += !result->fallback.empty();
  }
  EXPECT_GT(fell, 0);
}

}  // namespace
}  // namespace invigil::scoring
