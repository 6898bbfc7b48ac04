#include <gtest/gtest.h>

#include <cmath>

#include "common/base/random.h"
#include "common/error/error.h"
#include "services/scoring/domain/dif/logistic_dif.h"
#include "services/scoring/domain/dif/mantel_haenszel.h"

namespace invigil::scoring {
namespace {

// Rasch responses; item 0 is `shift` logits harder for the focal group, and its slope there is
// `focal_slope`. The focal group is `impact` less able.
DifData Simulate(uint64_t seed, size_t persons, size_t items, double shift, double focal_slope = 1,
                 double impact = 0) {
  Random random(seed);
  DifData data{.persons = persons, .items = items};
  for (size_t p = 0; p < persons; ++p) {
    const bool focal = p % 2 == 1;
    data.focal.push_back(focal);
    const double theta = random.Normal() - (focal ? impact : 0);
    for (size_t i = 0; i < items; ++i) {
      const double difficulty =
          -1.5 + 3.0 * static_cast<double>(i) / static_cast<double>(items - 1);
      const bool studied = i == 0;
      const double slope = studied && focal ? focal_slope : 1;
      const double b = (studied ? 0 : difficulty) + (studied && focal ? shift : 0);
      data.cells.push_back(random.Uniform() < 1 / (1 + std::exp(-slope * (theta - b))) ? 1 : 0);
    }
  }
  return data;
}

TEST(MantelHaenszel, OneTableByHand) {
  // Two items; matched by the total, the levels with variance are those of total 1. There 3 of the
  // 4 in the reference group and 1 of the 4 in the focal group had item 0 right.
  DifData data{.persons = 8, .items = 2};
  for (int p = 0; p < 8; ++p) {
    data.focal.push_back(p >= 4);
    const bool right = p < 3 || p == 4;
    data.cells.push_back(right);
    data.cells.push_back(!right);
  }
  const auto result = MantelHaenszel(data, {});
  ASSERT_TRUE(result.ok());
  const MantelHaenszelItem& item = result->items[0];
  EXPECT_DOUBLE_EQ(item.odds_ratio.value(), 9);  // 3 x 3 / (1 x 1)
  EXPECT_DOUBLE_EQ(item.delta.value(), -2.35 * std::log(9.0));
  // Expected 2 right, variance 4 4 4 4 / (64 7); (|3 - 2| - 0.5)^2 / it.
  EXPECT_DOUBLE_EQ(item.chi_square.value(), 0.25 / (256.0 / 448));
  // One table: the variance of ln odds is the sum of the cells' inverses.
  EXPECT_NEAR(item.ln_variance.value(), 1.0 / 3 + 1 + 1 + 1.0 / 3, 1e-12);
  EXPECT_DOUBLE_EQ(item.p_dif.value(), -0.5);
  EXPECT_EQ(item.ets_class, DifClass::kA);  // a large effect on eight persons proves nothing
  EXPECT_EQ(item.effect_class, DifClass::kC);
}

// The correction for continuity must not make evidence of a difference of a hundredth: 99 of 100 of
// the reference group and the one of the focal group had item 0 right, all with a total of 1.
TEST(MantelHaenszel, ATinyDifferenceIsNoEvidence) {
  DifData data{.persons = 101, .items = 2};
  for (int p = 0; p < 101; ++p) {
    data.focal.push_back(p == 100);
    const bool right = p != 50;
    data.cells.push_back(right);
    data.cells.push_back(!right);
  }
  const auto result = MantelHaenszel(data, {});
  ASSERT_TRUE(result.ok());
  const MantelHaenszelItem& item = result->items[0];
  EXPECT_EQ(item.chi_square.value(), 0);
  EXPECT_EQ(item.p_value.value(), 1);
  EXPECT_FALSE(item.flagged);
}

TEST(MantelHaenszel, FindsTheDifferentItemAndItsSize) {
  const DifData data = Simulate(11, 4000, 20, 0.8);
  const auto result = MantelHaenszel(data, {.purify = true});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->items[0].ets_class, DifClass::kC);
  // A Rasch item that is d logits harder has ln odds d.
  EXPECT_NEAR(std::log(result->items[0].odds_ratio.value()), 0.8, 0.2);
  for (size_t i = 1; i < data.items; ++i) {
    EXPECT_EQ(result->items[i].ets_class, DifClass::kA) << i;
  }
}

TEST(MantelHaenszel, AFairTestWithLessAbleFocalGroupRaisesNoMoreFlagsThanItMay) {
  int flags = 0, tests = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    const auto result = MantelHaenszel(Simulate(seed, 600, 25, 0, 1, 0.5), {});
    ASSERT_TRUE(result.ok());
    for (const auto& item : result->items) flags += item.flagged;
    tests += 25;
  }
  // 750 tests at 5 %: 37.5 expected with a deviation of 6; the correction makes it fewer.
  EXPECT_LT(flags, 60);
  EXPECT_GT(flags, 8);
  EXPECT_EQ(tests, 750);
}

TEST(MantelHaenszel, SwappingTheGroupsTurnsTheSignAndNothingElse) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    DifData data = Simulate(seed, 200, 8, 0.5, 1, 0.3);
    const auto one = MantelHaenszel(data, {});
    for (auto& focal : data.focal) focal = 1 - focal;
    const auto other = MantelHaenszel(data, {});
    ASSERT_TRUE(one.ok() && other.ok());
    for (size_t i = 0; i < data.items; ++i) {
      EXPECT_NEAR(*one->items[i].delta, -*other->items[i].delta, 1e-9);
      EXPECT_NEAR(*one->items[i].chi_square, *other->items[i].chi_square, 1e-9);
      EXPECT_NEAR(*one->items[i].ln_variance, *other->items[i].ln_variance, 1e-9);
    }
  }
}

TEST(MantelHaenszel, LimitsHaveReasonsNotNumbers) {
  // Item 0: all right. Item 1 tells the groups apart; item 2 is its opposite, so all totals are 2.
  DifData data{.persons = 6, .items = 3};
  for (int p = 0; p < 6; ++p) {
    data.focal.push_back(p % 2);
    for (int cell : {1, 1 - p % 2, p % 2}) data.cells.push_back(static_cast<int8_t>(cell));
  }
  const auto result = MantelHaenszel(data, {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->items[0].reason, "NO_VARIANCE");
  EXPECT_FALSE(result->items[0].chi_square.has_value());
  EXPECT_EQ(result->items[1].reason, "ODDS_RATIO_INFINITE");
  EXPECT_FALSE(result->items[1].odds_ratio.has_value());
  EXPECT_FALSE(result->items[1].ets_class.has_value());
  EXPECT_TRUE(result->items[1].chi_square.has_value());
  const auto logistic = LogisticDif(data, {}, LogisticKind::kBoth);
  ASSERT_TRUE(logistic.ok());
  EXPECT_EQ(logistic->items[0].reason, "NO_VARIANCE");
  EXPECT_EQ(logistic->items[1].reason, "SCORE_WITHOUT_VARIANCE");
}

TEST(LogisticDif, TellsUniformFromNonuniform) {
  const auto uniform = LogisticDif(Simulate(3, 4000, 20, 0.8), {}, LogisticKind::kBoth);
  ASSERT_TRUE(uniform.ok());
  EXPECT_LT(*uniform->items[0].p_uniform, 1e-6);
  EXPECT_GT(*uniform->items[0].p_nonuniform, 1e-3);
  EXPECT_GT(*uniform->items[0].odds_ratio, 1.5);  // favours the reference group
  EXPECT_LT(*uniform->items[0].delta, 0);
  const auto crossing = LogisticDif(Simulate(4, 4000, 20, 0, 3), {}, LogisticKind::kBoth);
  ASSERT_TRUE(crossing.ok());
  EXPECT_LT(*crossing->items[0].p_nonuniform, 1e-6);
  // Mantel-Haenszel is nearly blind to what crosses.
  const auto mh = MantelHaenszel(Simulate(4, 4000, 20, 0, 3), {});
  EXPECT_LT(std::abs(*mh->items[0].delta), 1);
}

TEST(LogisticDif, SeparationIsNamedAndItsChiSquareIsTheLimit) {
  // Item 0 is right exactly from a total of 2 in both groups.
  DifData data{.persons = 40, .items = 3};
  for (int p = 0; p < 40; ++p) {
    data.focal.push_back(p % 2);
    const int kind = (p / 2) % 4;
    const std::array<std::array<int8_t, 3>, 4> rows{{{0, 0, 0}, {0, 1, 0}, {1, 1, 0}, {1, 1, 1}}};
    for (int8_t cell : rows[kind]) data.cells.push_back(cell);
  }
  const auto result = LogisticDif(data, {}, LogisticKind::kBoth);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->items[0].reason, "SEPARATED");
  EXPECT_FALSE(result->items[0].odds_ratio.has_value());
  EXPECT_NEAR(*result->items[0].chi_square, 0, 1e-6);
  EXPECT_TRUE(std::isfinite(*result->items[0].delta_r2));
}

TEST(Dif, BadInputIsANamedError) {
  const DifData good = Simulate(1, 50, 5, 0);
  const auto reason = [](const DifData& data, DifOptions options = {}) {
    const auto mh = MantelHaenszel(data, options).status();
    EXPECT_EQ(ReasonOf(mh), ReasonOf(LogisticDif(data, options, LogisticKind::kBoth).status()));
    return ReasonOf(mh);
  };
  EXPECT_EQ(reason({}), "DIF_EMPTY");
  EXPECT_EQ(reason({.persons = 1, .items = 1, .cells = {1}, .focal = {1}}), "DIF_EMPTY");
  DifData data = good;
  data.cells.pop_back();
  EXPECT_EQ(reason(data), "DIF_SIZES");
  data = good;
  data.cells[7] = -1;
  EXPECT_EQ(reason(data), "DIF_RESPONSE_MISSING");
  data = good;
  data.focal[3] = 2;
  EXPECT_EQ(reason(data), "DIF_GROUP_INVALID");
  data = good;
  data.focal.assign(50, 1);
  EXPECT_EQ(reason(data), "DIF_GROUP_EMPTY");
  data.focal.assign(50, 0);
  EXPECT_EQ(reason(data), "DIF_GROUP_EMPTY");
  EXPECT_EQ(reason(good, {.significance = 0}), "DIF_OPTIONS");
  EXPECT_EQ(reason(good, {.significance = std::nan("")}), "DIF_OPTIONS");
  EXPECT_EQ(reason(good, {.most_rounds = 0}), "DIF_OPTIONS");
}

TEST(Dif, PurificationThatFlagsEverythingIsAnError) {
  DifData data = Simulate(5, 400, 2, 3);
  const auto result = MantelHaenszel(data, {.significance = 0.5, .purify = true});
  EXPECT_EQ(ReasonOf(result.status()), "DIF_ANCHORS_EXHAUSTED");
}

TEST(Dif, RandomDataGiveFiniteNumbersOrReasons) {
  Random random(77);
  for (int trial = 0; trial < 300; ++trial) {
    DifData data{.persons = 2 + random.Below(30), .items = 2 + random.Below(6)};
    const double p = random.Uniform();
    for (size_t i = 0; i < data.persons * data.items; ++i) {
      data.cells.push_back(random.Uniform() < p);
    }
    for (size_t i = 0; i < data.persons; ++i) data.focal.push_back(random.Below(2));
    const auto mh = MantelHaenszel(data, {.purify = trial % 2 == 0});
    if (mh.ok()) {
      for (const auto& item : mh->items) {
        EXPECT_EQ(item.reason.empty(), item.odds_ratio.has_value());
        EXPECT_TRUE(!item.odds_ratio || (*item.odds_ratio > 0 && std::isfinite(*item.delta_se)));
        EXPECT_TRUE(!item.chi_square || (*item.chi_square >= 0 && *item.p_value <= 1));
      }
    } else {
      EXPECT_NE(ReasonOf(mh.status()), "");
    }
    const auto logistic = LogisticDif(data, {.purify = trial % 2 == 0}, LogisticKind::kBoth);
    if (logistic.ok()) {
      for (const auto& item : logistic->items) {
        EXPECT_TRUE(!item.reason.empty() || std::isfinite(*item.odds_ratio));
        if (item.chi_square) {
          EXPECT_TRUE(*item.chi_square >= 0 && std::isfinite(*item.chi_square));
          EXPECT_NEAR(*item.chi_uniform + *item.chi_nonuniform, *item.chi_both, 1e-6);
        }
      }
    } else {
      EXPECT_NE(ReasonOf(logistic.status()), "");
    }
  }
}

}  // namespace
}  // namespace invigil::scoring
