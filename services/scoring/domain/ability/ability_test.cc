#include "services/scoring/domain/ability/ability.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr AbilityMethod kMethods[] = {AbilityMethod::kEap, AbilityMethod::kMap, AbilityMethod::kMl,
                                      AbilityMethod::kWle};

std::vector<ItemParameters> Items(size_t count, bool guessing, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<ItemParameters> items;
  for (size_t i = 0; i < count; ++i) {
    items.push_back({0.5 + 1.5 * uniform(random), 4 * uniform(random) - 2,
                     guessing ? 0.1 + 0.2 * uniform(random) : 0});
  }
  return items;
}

std::vector<int8_t> Answers(const std::vector<ItemParameters>& items, size_t persons, bool missing,
                            unsigned seed = 2) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<int8_t> cells;
  for (size_t p = 0; p < persons; ++p) {
    const double theta = normal(random);
    for (const ItemParameters& item : items) {
      const bool right = uniform(random) < Probability(item, theta);
      cells.push_back(missing && uniform(random) < 0.3 ? int8_t{-1} : static_cast<int8_t>(right));
    }
  }
  return cells;
}

Ability One(const std::vector<ItemParameters>& items, const std::vector<int8_t>& row,
            AbilityMethod method) {
  AbilityOptions options;
  options.method = method;
  const auto ability = EstimateAbility(items, row, options);
  EXPECT_TRUE(ability.ok()) << ability.status();
  return ability.value_or(Ability{});
}

TEST(Ability, OneRightOneWrongOfEqualItemsIsTheirDifficulty) {
  const std::vector<ItemParameters> items(2, {1.3, 0.7, 0});
  EXPECT_NEAR(One(items, {1, 0}, AbilityMethod::kMl).theta, 0.7, 1e-12);
  EXPECT_NEAR(One(items, {1, 0}, AbilityMethod::kMl).se, 1 / (1.3 * std::sqrt(0.5)), 1e-12);
  EXPECT_NEAR(One(items, {1, 0}, AbilityMethod::kWle).theta, 0.7, 1e-12);
}

// Warm (1989): for n equal Rasch items the estimate is logit((x + 1/2) / (n + 1)).
TEST(Ability, WarmOfEqualItemsInClosedForm) {
  const std::vector<ItemParameters> items(9, {1, 0.25, 0});
  for (size_t right = 0; right <= 9; ++right) {
    std::vector<int8_t> row(9, 0);
    std::fill_n(row.begin(), right, int8_t{1});
    const double share = (static_cast<double>(right) + 0.5) / 10;
    EXPECT_NEAR(One(items, row, AbilityMethod::kWle).theta, 0.25 + std::log(share / (1 - share)),
                1e-10);
  }
}

TEST(Ability, MapAndMlAreStationaryAndHighest) {
  for (const bool guessing : {false, true}) {
    const auto items = Items(12, guessing);
    const auto cells = Answers(items, 200, true);
    for (size_t p = 0; p < 200; ++p) {
      const std::vector<int8_t> row(&cells[p * 12], &cells[p * 12] + 12);
      const auto height = [&](double theta, double precision) {
        double log = -0.5 * precision * theta * theta;
        for (size_t i = 0; i < 12; ++i) {
          if (row[i] < 0) continue;
          const double probability = Probability(items[i], theta);
          log += std::log(row[i] == 1 ? probability : 1 - probability);
        }
        return log;
      };
      for (const double precision : {0.0, 1.0}) {
        const Ability ability =
            One(items, row, precision == 0 ? AbilityMethod::kMl : AbilityMethod::kMap);
        if (ability.limit != AbilityLimit::kNone) continue;
        const double best = height(ability.theta, precision);
        EXPECT_GE(best + 1e-9, height(ability.theta - 1e-3, precision));
        EXPECT_GE(best + 1e-9, height(ability.theta + 1e-3, precision));
        for (double theta = -9; theta <= 9; theta += 0.05) {
          EXPECT_GE(best + 1e-9, height(theta, precision)) << p << " at " << theta;
        }
      }
    }
  }
}

TEST(Ability, WhatHasNoFiniteEstimateSaysWhy) {
  const auto items = Items(6, false);
  EXPECT_EQ(One(items, {1, 1, 1, 1, 1, 1}, AbilityMethod::kMl).theta, kInfinity);
  EXPECT_EQ(One(items, {1, 1, 1, -1, 1, 1}, AbilityMethod::kMl).limit, AbilityLimit::kAllRight);
  EXPECT_EQ(One(items, {0, 0, 0, 0, 0, 0}, AbilityMethod::kMl).theta, -kInfinity);
  EXPECT_EQ(One(items, {0, 0, 0, 0, 0, 0}, AbilityMethod::kMl).limit, AbilityLimit::kAllWrong);
  // Right on the hardest item only: guessing explains it better than any ability.
  const std::vector<ItemParameters> guessed = {{1, -1, 0.25}, {1, 0, 0.25}, {1.5, 2, 0.25}};
  EXPECT_EQ(One(guessed, {0, 0, 1}, AbilityMethod::kMl).limit, AbilityLimit::kBelowGuessing);
  for (const auto method : {AbilityMethod::kEap, AbilityMethod::kMap, AbilityMethod::kWle}) {
    for (const std::vector<int8_t>& row : {std::vector<int8_t>(6, 0), std::vector<int8_t>(6, 1)}) {
      const Ability ability = One(items, row, method);
      EXPECT_TRUE(std::isfinite(ability.theta) && std::isfinite(ability.se));
      EXPECT_EQ(ability.limit, AbilityLimit::kNone);
    }
    EXPECT_TRUE(std::isfinite(One(guessed, {0, 0, 0}, method).theta));
  }
}

TEST(Ability, NothingPresentedLeavesThePrior) {
  const auto items = Items(4, true);
  const std::vector<int8_t> row(4, -1);
  AbilityOptions options;
  options.prior_mean = 0.5;
  options.prior_sd = 1.5;
  options.quadrature = {201, -15, 15};
  for (const auto method : {AbilityMethod::kEap, AbilityMethod::kMap}) {
    options.method = method;
    const auto ability = EstimateAbility(items, row, options);
    EXPECT_NEAR(ability->theta, 0.5, 1e-9);
    EXPECT_NEAR(ability->se, 1.5, 1e-9);
  }
  EXPECT_EQ(One(items, row, AbilityMethod::kMl).limit, AbilityLimit::kNothingPresented);
  EXPECT_EQ(One(items, row, AbilityMethod::kWle).limit, AbilityLimit::kNothingPresented);
}

// A row's bits do not depend on rows beside it, on threads, or on whether it came alone.
TEST(Ability, BatchIsEveryPersonAloneBitForBit) {
  for (const bool guessing : {false, true}) {
    for (const bool missing : {false, true}) {
      const auto items = Items(13, guessing);
      const size_t persons = 5000;  // several blocks
      const auto cells = Answers(items, persons, missing);
      for (const auto method : kMethods) {
        AbilityOptions options;
        options.method = method;
        options.threads = 1;
        const auto one = EstimateAbilities(items, {cells, persons, 13}, options);
        options.threads = 5;
        const auto five = EstimateAbilities(items, {cells, persons, 13}, options);
        ASSERT_TRUE(one.ok() && five.ok());
        for (size_t p = 0; p < persons; ++p) {
          ASSERT_EQ((*one)[p].theta, (*five)[p].theta);
          ASSERT_EQ((*one)[p].se, (*five)[p].se);
        }
        for (size_t p = 0; p < persons; p += 97) {
          const auto alone = EstimateAbility(items, {&cells[p * 13], 13}, options);
          ASSERT_EQ(alone->theta, (*one)[p].theta);
        }
      }
    }
  }
}

// A right answer never lowers the estimate of a one- or two-parameter model.
TEST(Ability, OneMoreRightAnswerNeverLowers) {
  const auto items = Items(10, false);
  const auto cells = Answers(items, 300, false);
  for (const auto method : kMethods) {
    for (size_t p = 0; p < 300; ++p) {
      std::vector<int8_t> row(&cells[p * 10], &cells[p * 10] + 10);
      const double before = One(items, row, method).theta;
      row[p % 10] = 1;
      EXPECT_GE(One(items, row, method).theta, before - 1e-9);
    }
  }
}

TEST(Ability, StandardErrorsTellTheTruthOnAverage) {
  const auto items = Items(60, false, 5);
  std::mt19937 random(11);
  std::uniform_real_distribution<double> uniform(0, 1);
  const double theta = 0.4;
  std::vector<int8_t> cells;
  const size_t persons = 4000;
  for (size_t p = 0; p < persons; ++p) {
    for (const auto& item : items) cells.push_back(uniform(random) < Probability(item, theta));
  }
  for (const auto method : {AbilityMethod::kMl, AbilityMethod::kWle}) {
    AbilityOptions options;
    options.method = method;
    const auto abilities = EstimateAbilities(items, {cells, persons, 60}, options);
    double z2 = 0, mean = 0;
    for (const Ability& ability : *abilities) {
      const double z = (ability.theta - theta) / ability.se;
      z2 += z * z / persons;
      mean += (ability.theta - theta) / persons;
    }
    EXPECT_NEAR(z2, 1, 0.12);    // sd of the mean of 4000 squares is about 0.022
    EXPECT_NEAR(mean, 0, 0.03);  // sd about 0.004
  }
}

TEST(Ability, NumberCorrectThroughTheCurve) {
  const auto items = Items(20, true);
  for (const double theta : {-1.5, 0.0, 2.0}) {
    const auto ability = NumberCorrectAbility(items, ExpectedNumberCorrect(items, theta));
    ASSERT_TRUE(ability.ok());
    EXPECT_NEAR(ability->theta, theta, 1e-9);
    // The delta method by a difference.
    const double slope =
        (ExpectedNumberCorrect(items, theta + 1e-5) - ExpectedNumberCorrect(items, theta - 1e-5)) /
        2e-5;
    EXPECT_NEAR(ability->se, NumberCorrectDeviation(items, theta) / slope, 1e-6);
  }
  EXPECT_EQ(NumberCorrectAbility(items, 20)->limit, AbilityLimit::kAboveForm);
  EXPECT_EQ(NumberCorrectAbility(items, 0)->limit, AbilityLimit::kBelowGuessing);
  for (const double wrong : {-0.1, 20.1, std::nan(""), kInfinity}) {
    EXPECT_EQ(ReasonOf(NumberCorrectAbility(items, wrong).status()), "NUMBER_CORRECT_INVALID");
  }
}

TEST(Ability, SumScoresAddUpAndRise) {
  const auto items = Items(15, true);
  const auto scores = SumScoreAbilities(items);
  ASSERT_TRUE(scores.ok());
  ASSERT_EQ(scores->size(), 16u);
  double sum = 0, mean = 0;
  for (size_t x = 0; x < 16; ++x) {
    sum += (*scores)[x].probability;
    mean += (*scores)[x].probability * (*scores)[x].theta;
    if (x > 0) {
      EXPECT_GT((*scores)[x].theta, (*scores)[x - 1].theta);
    }
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_NEAR(mean, 0, 1e-9);  // what is expected of the posterior is the prior
}

TEST(Ability, BadInputIsNamed) {
  const auto items = Items(3, false);
  const std::vector<int8_t> row = {1, 0, 1};
  const auto reason = [&](const std::vector<ItemParameters>& i, const std::vector<int8_t>& r,
                          const AbilityOptions& o) {
    return ReasonOf(EstimateAbility(i, r, o).status());
  };
  EXPECT_EQ(reason({}, {}, {}), "ITEMS_EMPTY");
  EXPECT_EQ(reason({{-1, 0, 0}}, {1}, {}), "ITEM_PARAMETERS_INVALID");
  EXPECT_EQ(reason({{1, std::nan(""), 0}}, {1}, {}), "ITEM_PARAMETERS_INVALID");
  EXPECT_EQ(reason(items, {1, 0}, {}), "RESPONSES_SHAPE");
  EXPECT_EQ(reason(items, {1, 0, 2}, {}), "RESPONSE_NOT_BINARY");
  AbilityOptions options;
  for (const QuadratureSpec spec : {QuadratureSpec{1, -6, 6}, QuadratureSpec{5000, -6, 6},
                                    QuadratureSpec{61, 6, -6}, QuadratureSpec{61, -kInfinity, 6}}) {
    options.quadrature = spec;
    EXPECT_EQ(reason(items, row, options), "QUADRATURE_INVALID");
  }
  options.quadrature = {};
  options.prior_sd = 0;
  EXPECT_EQ(reason(items, row, options), "PRIOR_INVALID");
  EXPECT_EQ(EstimateAbilities(items, {{}, 0, 3})->size(), 0u);
}

}  // namespace
}  // namespace invigil::scoring
