#include "services/scoring/domain/calibration/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "common/error/error.h"
#include "services/scoring/domain/calibration/item_fit.h"
#include "services/scoring/domain/calibration/simulate.h"

namespace invigil::scoring {
namespace {

using simulate::Chance;
using ::testing::HasSubstr;

CalibrationResult Fit(const std::vector<int8_t>& cells, size_t items,
                      const CalibrationOptions& options) {
  auto result = Calibrate({cells, cells.size() / items, items}, options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : CalibrationResult{};
}

// Of many standardised errors few may be beyond 3, and their squares average 1, loosely: the errors
// of one calibration share the chance of its sample.
class Truth {
 public:
  void Add(double estimate, double truth, const std::optional<double>& se) {
    ASSERT_TRUE(se.has_value());
    const double z = (estimate - truth) / *se;
    squares_ += z * z;
    beyond_ += std::abs(z) > 3 ? 1 : 0;
    ++count_;
  }
  void Expect() const {
    EXPECT_LE(beyond_, count_ / 25 + 1);
    EXPECT_GT(squares_ / count_, 0.3);
    EXPECT_LT(squares_ / count_, 2.5);
  }

 private:
  double squares_ = 0;
  int beyond_ = 0, count_ = 0;
};

TEST(Calibration, RecoversWhatWasSimulatedWithinItsErrors) {
  for (const ItemModel model : {ItemModel::kRasch, ItemModel::kOneParameter,
                                ItemModel::kTwoParameter, ItemModel::kThreeParameter}) {
    Chance chance(17 + static_cast<uint64_t>(model));
    auto items = simulate::Items(chance, 30, model == ItemModel::kThreeParameter);
    const double sd = model == ItemModel::kRasch ? 1.3 : 1;
    for (ItemParameters& item : items) {
      if (model == ItemModel::kRasch) item.slope = 1;
      if (model == ItemModel::kOneParameter) item.slope = 0.8;
    }
    const auto cells = simulate::Answers(chance, items, simulate::Abilities(chance, 3000, 0, sd));
    CalibrationOptions options;
    options.model = model;
    if (model == ItemModel::kThreeParameter) options.prior_logit_g = {-1.4, 0.5};
    const CalibrationResult result = Fit(cells, 30, options);
    EXPECT_TRUE(result.converged);
    EXPECT_EQ(result.information_problem, "");
    Truth difficulty, slope;
    for (size_t i = 0; i < 30; ++i) {
      const CalibratedItem& item = result.items[i];
      difficulty.Add(item.parameters.difficulty, items[i].difficulty, item.se_difficulty);
      if (model == ItemModel::kRasch) {
        EXPECT_EQ(item.parameters.slope, 1);
        EXPECT_FALSE(item.se_slope.has_value());
      } else {
        slope.Add(item.parameters.slope, items[i].slope, item.se_slope);
      }
    }
    difficulty.Expect();
    if (model == ItemModel::kTwoParameter || model == ItemModel::kThreeParameter) slope.Expect();
    if (model == ItemModel::kRasch) {
      EXPECT_NEAR(result.sd, 1.3, 4 * *result.se_sd);
    }
  }
}

// Two forms with ten items in common, and persons of one population.
TEST(Calibration, FormsWithCommonItemsCalibrateTogether) {
  Chance chance(5);
  const auto items = simulate::Items(chance, 30, false);
  auto cells = simulate::Answers(chance, items, simulate::Abilities(chance, 4000));
  for (size_t p = 0; p < 4000; ++p) {
    for (size_t i = 0; i < 10; ++i) cells[p * 30 + (p % 2 == 0 ? i : 20 + i)] = -1;
  }
  const CalibrationResult result = Fit(cells, 30, {});
  EXPECT_TRUE(result.converged);
  Truth truth;
  for (size_t i = 0; i < 30; ++i) {
    truth.Add(result.items[i].parameters.difficulty, items[i].difficulty,
              result.items[i].se_difficulty);
    truth.Add(result.items[i].parameters.slope, items[i].slope, result.items[i].se_slope);
  }
  truth.Expect();
}

// Kim (2006): pretest items land on the scale of the fixed ones although the group is another.
TEST(Calibration, FixedItemsCarryTheScale) {
  Chance chance(6);
  const auto items = simulate::Items(chance, 40, false);
  const auto cells = simulate::Answers(chance, items, simulate::Abilities(chance, 3000, 0.8, 0.7));
  CalibrationOptions options;
  options.fixed.resize(40);
  for (size_t i = 0; i < 30; ++i) options.fixed[i] = items[i];
  const CalibrationResult result = Fit(cells, 40, options);
  EXPECT_NEAR(result.mean, 0.8, 4 * *result.se_mean);
  EXPECT_NEAR(result.sd, 0.7, 4 * *result.se_sd);
  Truth truth;
  for (size_t i = 0; i < 40; ++i) {
    const CalibratedItem& item = result.items[i];
    EXPECT_EQ(item.fixed, i < 30);
    if (i < 30) {
      EXPECT_EQ(item.parameters.slope, items[i].slope);
      EXPECT_NEAR(item.parameters.difficulty, items[i].difficulty, 1e-12);
      EXPECT_FALSE(item.se_difficulty.has_value());
      continue;
    }
    truth.Add(item.parameters.difficulty, items[i].difficulty, item.se_difficulty);
    truth.Add(item.parameters.slope, items[i].slope, item.se_slope);
  }
  truth.Expect();
}

bool SameBits(const CalibrationResult& a, const CalibrationResult& b) {
  bool same = a.log_likelihood == b.log_likelihood && a.iterations == b.iterations;
  for (size_t i = 0; i < a.items.size(); ++i) {
    same = same && a.items[i].parameters.slope == b.items[i].parameters.slope &&
           a.items[i].parameters.difficulty == b.items[i].parameters.difficulty &&
           a.items[i].se_difficulty == b.items[i].se_difficulty;
  }
  return same;
}

TEST(Calibration, ThreadsAndTheOrderOfPersonsChangeNoBit) {
  Chance chance(7);
  const auto items = simulate::Items(chance, 12, false);
  const auto cells = simulate::Answers(chance, items, simulate::Abilities(chance, 5000));
  CalibrationOptions options;
  options.threads = 1;
  const CalibrationResult one = Fit(cells, 12, options);
  for (const int threads : {2, 3, 8}) {
    options.threads = threads;
    EXPECT_TRUE(SameBits(one, Fit(cells, 12, options))) << threads;
  }
  std::vector<int8_t> reversed;
  for (size_t p = 5000; p-- > 0;) {
    reversed.insert(reversed.end(), &cells[p * 12], &cells[p * 12] + 12);
  }
  // Starting values are sums over persons, so rounding may differ in the last places.
  const CalibrationResult other = Fit(reversed, 12, options);
  EXPECT_NEAR(other.log_likelihood, one.log_likelihood, 1e-7);
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_NEAR(other.items[i].parameters.slope, one.items[i].parameters.slope, 1e-4);
  }
}

// The climb ends where the gradient is 0: no small move of any parameter is better.
TEST(Calibration, NothingNearIsBetter) {
  Chance chance(8);
  const auto items = simulate::Items(chance, 8, false);
  const auto cells = simulate::Answers(chance, items, simulate::Abilities(chance, 800));
  const CalibrationResult best = Fit(cells, 8, {});
  for (size_t moved = 0; moved < 8; ++moved) {
    for (const double shift : {-0.02, 0.02}) {
      CalibrationOptions options;
      options.standard_errors = false;
      options.fixed.resize(8);
      options.fixed[moved] = best.items[moved].parameters;
      options.fixed[moved]->difficulty += shift;
      // With a fixed item mean and sd are free as well, so this may only come near from below when
      // they make up for the shift.
      const CalibrationResult other = Fit(cells, 8, options);
      EXPECT_LE(other.log_likelihood, best.log_likelihood + 1e-3);
    }
  }
}

TEST(Calibration, AReversedKeyComesOutAsANegativeSlope) {
  Chance chance(9);
  const auto items = simulate::Items(chance, 15, false);
  auto cells = simulate::Answers(chance, items, simulate::Abilities(chance, 2000));
  const CalibrationResult right = Fit(cells, 15, {});
  for (size_t p = 0; p < 2000; ++p) cells[p * 15 + 4] = static_cast<int8_t>(1 - cells[p * 15 + 4]);
  const CalibrationResult result = Fit(cells, 15, {});
  EXPECT_TRUE(result.converged);
  EXPECT_NEAR(result.items[4].parameters.slope, -right.items[4].parameters.slope, 1e-4);
  EXPECT_NEAR(result.log_likelihood, right.log_likelihood, 1e-6);
}

TEST(Calibration, ProgressIsToldAndStopsIt) {
  Chance chance(10);
  const auto items = simulate::Items(chance, 10, false);
  const auto cells = simulate::Answers(chance, items, simulate::Abilities(chance, 500));
  CalibrationOptions options;
  double last = -1e300;
  int calls = 0;
  options.progress = [&](const CalibrationProgress& progress) {
    EXPECT_GE(progress.log_likelihood, last - 1e-9);  // it never goes down
    last = progress.log_likelihood;
    ++calls;
    return true;
  };
  const CalibrationResult whole = Fit(cells, 10, options);
  EXPECT_GE(calls, whole.iterations);
  options.progress = [&](const CalibrationProgress& progress) { return progress.iteration < 2; };
  EXPECT_EQ(ReasonOf(Calibrate({cells, 500, 10}, options).status()), "CALIBRATION_CANCELLED");
  std::stop_source source;
  options.progress = nullptr;
  options.stop = source.get_token();
  source.request_stop();
  EXPECT_EQ(Calibrate({cells, 500, 10}, options).status().code(), absl::StatusCode::kCancelled);
  options.stop = {};
  options.max_iterations = 1;
  const auto early = Calibrate({cells, 500, 10}, options);
  ASSERT_TRUE(early.ok());
  EXPECT_FALSE(early->converged);
  EXPECT_EQ(early->information_problem, "NOT_CONVERGED");
}

TEST(Calibration, WhatTheDataDoNotSettleSaysSo) {
  // Two items have three free cells and four parameters.
  Chance chance(11);
  const auto items = simulate::Items(chance, 2, false);
  const auto cells = simulate::Answers(chance, items, simulate::Abilities(chance, 400));
  const auto result = Calibrate({cells, 400, 2}, {});
  ASSERT_TRUE(result.ok());
  EXPECT_NE(result->information_problem, "");
  EXPECT_FALSE(result->items[0].se_slope.has_value());
}

TEST(Calibration, BadInputIsNamed) {
  const auto fail = [](std::vector<int8_t> cells, size_t persons, size_t items,
                       CalibrationOptions options = {}) {
    options.names = {"first", "second", "third", "fourth"};
    const absl::Status status = Calibrate({cells, persons, items}, options).status();
    return ReasonOf(status) + " " + std::string(status.message());
  };
  EXPECT_THAT(fail({}, 0, 0), HasSubstr("CALIBRATION_EMPTY"));
  EXPECT_THAT(fail({-1, -1, -1, -1}, 2, 2), HasSubstr("CALIBRATION_EMPTY"));
  EXPECT_THAT(fail({0, 1}, 2, 1), HasSubstr("CALIBRATION_ONE_ITEM"));
  EXPECT_THAT(fail({0, 1, 1}, 2, 2), HasSubstr("RESPONSES_SHAPE"));
  EXPECT_THAT(fail({0, 1, 2, 0}, 2, 2), HasSubstr("RESPONSE_NOT_BINARY"));
  EXPECT_THAT(fail({0, 1, 1, 1}, 2, 2), HasSubstr("ITEM_NO_VARIANCE item \"second\" was answered "
                                                  "right"));
  EXPECT_THAT(fail({0, 0, 1, 0}, 2, 2), HasSubstr("wrong"));
  EXPECT_THAT(fail({0, -1, 1, -1}, 2, 2), HasSubstr("ITEM_NOT_PRESENTED item \"second\""));
  const std::vector<int8_t> apart = {1, 0, -1, -1, 0, 1, -1, -1, -1, -1, 1, 0, -1, -1, 0, 1};
  EXPECT_THAT(fail(apart, 4, 4), HasSubstr("DESIGN_DISCONNECTED item \"third\""));
  CalibrationOptions options;
  options.fixed = {ItemParameters{1, 0, 0}, {}, ItemParameters{1, 0, 0}, {}};
  EXPECT_EQ(fail(apart, 4, 4, options), " ");  // fixed items are the link
  options.fixed = {ItemParameters{1, 0, 0}, ItemParameters{1, 0, 0}};
  EXPECT_THAT(fail({0, 1, 1, 0}, 2, 2, options), HasSubstr("FIXED_ALL"));
  options.fixed = {ItemParameters{0, 0, 0}, {}};
  EXPECT_THAT(fail({0, 1, 1, 0}, 2, 2, options), HasSubstr("FIXED_INVALID item \"first\""));
  options.fixed = {ItemParameters{}};
  EXPECT_THAT(fail({0, 1, 1, 0}, 2, 2, options), HasSubstr("FIXED_INVALID"));
  options.fixed.clear();
  options.prior_logit_g = {0, -1};
  EXPECT_THAT(fail({0, 1, 1, 0}, 2, 2, options), HasSubstr("PRIOR_INVALID"));
  options.prior_logit_g.reset();
  options.quadrature.count = 1;
  EXPECT_THAT(fail({0, 1, 1, 0}, 2, 2, options), HasSubstr("QUADRATURE_INVALID"));
}

// Whatever small data hold: a named error, or finite numbers.
TEST(Calibration, AnySmallDataGiveNumbersOrAName) {
  Chance chance(13);
  int fitted = 0;
  for (int round = 0; round < 400; ++round) {
    const size_t items = 2 + static_cast<size_t>(chance.Uniform() * 5);
    const size_t persons = 3 + static_cast<size_t>(chance.Uniform() * 30);
    const double missing = chance.Uniform() < 0.5 ? 0 : 0.5 * chance.Uniform();
    const double right = chance.Uniform();
    std::vector<int8_t> cells;
    for (size_t i = 0; i < items * persons; ++i) {
      cells.push_back(chance.Uniform() < missing ? -1
                                                 : static_cast<int8_t>(chance.Uniform() < right));
    }
    CalibrationOptions options;
    options.model = static_cast<ItemModel>(round % 4);
    options.max_iterations = 60;
    if (round % 8 == 3) options.prior_logit_g = {-1.4, 0.5};
    if (round % 3 == 0) {
      options.fixed.resize(items);
      options.fixed[0] = ItemParameters{1, 0, 0.2};
    }
    const auto result = Calibrate({cells, persons, items}, options);
    if (!result.ok()) {
      EXPECT_NE(ReasonOf(result.status()), "");
      continue;
    }
    ++fitted;
    EXPECT_TRUE(std::isfinite(result->log_likelihood) && result->log_likelihood <= 0);
    EXPECT_TRUE(std::isfinite(result->mean) && std::isfinite(result->sd));
    for (const CalibratedItem& item : result->items) {
      EXPECT_TRUE(std::isfinite(item.parameters.slope) && std::isfinite(item.intercept));
      if (item.se_slope) {
        EXPECT_TRUE(std::isfinite(*item.se_slope));
      }
    }
  }
  EXPECT_GT(fitted, 150);
}

TEST(ItemFit, ItemsOfTheModelFitAndOthersDoNot) {
  Chance chance(12);
  auto items = simulate::Items(chance, 30, false);
  const auto abilities = simulate::Abilities(chance, 3000);
  auto cells = simulate::Answers(chance, items, abilities);
  for (size_t p = 0; p < 3000; ++p) cells[p * 30 + 7] = chance.Uniform() < 0.5 ? 1 : 0;
  items[7] = {1.2, 0, 0};  // noise, claimed to discriminate
  const auto fit = AssessItemFit(items, {cells, 3000, 30}, {});
  ASSERT_TRUE(fit.ok());
  // What was given cost no degree of freedom.
  ItemFitOptions options;
  options.fixed.assign(30, false);
  options.fixed[3] = true;
  const auto anchored = AssessItemFit(items, {cells, 3000, 30}, options);
  ASSERT_TRUE(anchored.ok());
  EXPECT_EQ((*anchored)[3].degrees_of_freedom, (*fit)[3].degrees_of_freedom + 2);
  EXPECT_EQ((*anchored)[3].s_x2, (*fit)[3].s_x2);
  EXPECT_GT((*anchored)[3].p_value, (*fit)[3].p_value);
  EXPECT_EQ((*anchored)[4].degrees_of_freedom, (*fit)[4].degrees_of_freedom);
  int low = 0;
  for (size_t i = 0; i < 30; ++i) {
    const ItemFit& item = (*fit)[i];
    EXPECT_EQ(item.s_x2_problem, "");
    if (i == 7) {
      EXPECT_GT(item.at_eap.infit, 1.2);
      EXPECT_GT(item.posterior_infit, 1.2);
      EXPECT_LT(item.p_value, 1e-10);
      continue;
    }
    EXPECT_NEAR(item.posterior_infit, 1, 0.15);
    low += item.p_value < 0.01 ? 1 : 0;
  }
  EXPECT_LE(low, 4);
}

TEST(ItemFit, WhereThereIsNoChiSquareItSaysWhy) {
  const std::vector<ItemParameters> items(3, {1, 0, 0});
  const std::vector<int8_t> missing = {1, 0, -1, 0, -1, 1};
  const auto incomplete = AssessItemFit(items, {missing, 2, 3}, {});
  ASSERT_TRUE(incomplete.ok());
  EXPECT_EQ((*incomplete)[0].s_x2_problem, "INCOMPLETE_RESPONSES");
  const std::vector<int8_t> few = {1, 0, 0, 0, 1, 1};
  EXPECT_EQ(AssessItemFit(items, {few, 2, 3}, {})->front().s_x2_problem, "TOO_FEW_SCORES");
}

}  // namespace
}  // namespace invigil::scoring
