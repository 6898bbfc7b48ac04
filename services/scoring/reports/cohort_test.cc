#include "services/scoring/reports/cohort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"
#include "services/scoring/domain/testing.h"
#include "services/scoring/reports/cohort_page.h"

namespace invigil::scoring::reports {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Time kMonday = FromUnixMicros(int64_t{1'795'392'000} * 1'000'000);  // 2026-11-23
constexpr Duration kDay = Seconds(86'400);

ScoringKey Form() {
  Random random(41);
  const auto items = testing::RandomItems(random, 50);
  auto key = testing::MakeKey(items, items, 35, 15);
  for (size_t i = 0; i < key.items.size(); ++i) {
    key.items[i].bank_item_id = "bank-" + std::to_string(i);
  }
  return key;
}

// Answers of somebody of ability `theta`, by the key's own parameters; `drifted`, if any, is always
// wrong.
std::vector<SealedResponse> Answer(const ScoringKey& key, double theta, Random& random,
                                   const std::string& drifted, uint32_t& right) {
  std::vector<SealedResponse> responses = testing::Answers(key, 50);
  right = 0;
  for (const KeyedItem& item : key.items) {
    if (!item.operational) continue;
    const bool good =
        item.bank_item_id != drifted && random.Uniform() < Probability(item.irt, theta);
    right += good;
    if (good) continue;
    for (SealedResponse& response : responses) {
      if (response.item_id == item.item_id) response.option_ids.clear();
    }
  }
  return responses;
}

CohortNumbers Simulate(size_t n, const std::string& drifted = "", double theta_sd = 1) {
  const ScoringKey key = Form();
  const Conversion conversion = BuildConversion(key).value();
  Cohort cohort;
  Random random(7);
  for (size_t i = 0; i < n; ++i) {
    uint32_t right = 0;
    const auto responses = Answer(key, 0.8 + theta_sd * random.Normal(), random, drifted, right);
    cohort.Add(right, conversion.rows[right].passed, kMonday + static_cast<int64_t>(i % 3) * kDay,
               conversion, key, responses);
  }
  auto numbers = cohort.Finish();
  EXPECT_TRUE(numbers.ok()) << numbers.status();
  return *numbers;
}

TEST(WilsonRate, IsNewcombesExample) {
  // Newcombe 1998, table I: 81 of 263 and 0 of 20, without continuity correction.
  const Rate some = WilsonRate(81, 263);
  EXPECT_NEAR(some.low, 0.2553, 5e-5);
  EXPECT_NEAR(some.high, 0.3662, 5e-5);
  const Rate none = WilsonRate(0, 20);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.1611, 5e-5);
  EXPECT_EQ(WilsonRate(20, 20).high, 1);
}

TEST(Cohort, AgreesWithItselfOverAThousand) {
  const CohortNumbers numbers = Simulate(1000);
  EXPECT_EQ(numbers.passed.of, 1000u);
  EXPECT_EQ(numbers.forms, 1u);
  EXPECT_LT(numbers.passed.low, numbers.passed.rate);
  EXPECT_GT(numbers.passed.high, numbers.passed.rate);
  ASSERT_TRUE(numbers.alpha && numbers.reliability && numbers.standard_error_at_cut);
  // Two ways to one reliability.
  EXPECT_NEAR(*numbers.alpha, *numbers.reliability, 0.05);
  EXPECT_GT(*numbers.alpha, 0.8);
  EXPECT_GT(numbers.accuracy, numbers.consistency);
  EXPECT_GT(numbers.consistency, 0.8);
  uint64_t in_bins = 0;
  for (const Bin& bin : numbers.histogram) {
    in_bins += bin.count;
    EXPECT_FALSE(bin.from < 700 && bin.to >= 700) << "no column holds both sides of the cut";
  }
  EXPECT_EQ(in_bins, 1000u);
  EXPECT_EQ(numbers.histogram.front().from, 100);
  EXPECT_EQ(numbers.histogram.back().to, 1000);
  ASSERT_EQ(numbers.periods.size(), 3u);
  EXPECT_EQ(numbers.items.size(), 50u) << "items on trial are not in it";
  for (const ItemResult& item : numbers.items) {
    EXPECT_NEAR(item.p, item.expected_p, 0.08) << item.item_id;
    EXPECT_THAT(item.flags, ::testing::Not(Contains("DRIFT"))) << item.item_id;
  }
  EXPECT_THAT(numbers.alarms, IsEmpty());
}

TEST(Cohort, RaisesAnAlarmForAnItemThatHasDrifted) {
  const CohortNumbers numbers = Simulate(300, "bank-0");
  EXPECT_EQ(numbers.items[0].item_id, "bank-0");
  EXPECT_THAT(numbers.items[0].flags, Contains("DRIFT"));
  EXPECT_THAT(numbers.alarms, Contains(HasSubstr("bank-0 has drifted")));
  EXPECT_THAT(CohortPage(numbers), HasSubstr("bank-0 has drifted"));
}

TEST(Cohort, OneSessionAndNobody) {
  const CohortNumbers one = Simulate(1);
  EXPECT_EQ(one.deviation, 0);
  EXPECT_FALSE(one.alpha);
  EXPECT_FALSE(one.reliability);
  EXPECT_THAT(CohortPage(one), HasSubstr("can&#39;t be told"));
  EXPECT_EQ(ReasonOf(Cohort().Finish().status()), "NO_SESSIONS");
}

TEST(Cohort, ManyDaysBecomeWeeks) {
  const ScoringKey key = Form();
  const Conversion conversion = BuildConversion(key).value();
  Cohort cohort;
  for (int day = 0; day < 70; ++day) {
    cohort.Add(30, false, kMonday + day * kDay, conversion, key, testing::Answers(key, 30));
  }
  const auto numbers = cohort.Finish();
  ASSERT_EQ(numbers->periods.size(), 10u);
  EXPECT_EQ(numbers->periods[0].start, kMonday);
  EXPECT_EQ(numbers->periods[0].passed.of, 7u);
}

}  // namespace
}  // namespace invigil::scoring::reports
