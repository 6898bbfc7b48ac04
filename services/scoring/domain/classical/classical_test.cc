#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/base/random.h"
#include "common/error/error.h"
#include "services/scoring/domain/classical/analysis.h"
#include "services/scoring/domain/classical/flags.h"

namespace invigil::scoring::classical {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Rows of letters, one per item; '-' omitted.
Choices Sheet(const std::string& key, const std::vector<std::string>& rows) {
  Choices choices{.persons = rows.size(), .options = {"A", "B", "C", "D"}};
  for (size_t i = 0; i < key.size(); ++i) {
    choices.items.push_back("i" + std::to_string(i + 1));
    choices.key.push_back(static_cast<int16_t>(key[i] - 'A'));
  }
  for (const std::string& row : rows) {
    for (char c : row) {
      choices.cells.push_back(c == '-' ? kOmitted : static_cast<int16_t>(c - 'A'));
    }
  }
  return choices;
}

TEST(Classical, BySmallNumbers) {
  // Totals 3, 2, 1, 0; the first item is right for the upper two.
  const auto analysis = Analyze(Sheet("ABC", {"ABC", "AB-", "BBD", "CAD"}));
  ASSERT_TRUE(analysis.ok()) << analysis.status();
  const TestStatistics& test = analysis->test;
  EXPECT_DOUBLE_EQ(test.mean, 1.5);
  EXPECT_DOUBLE_EQ(test.deviation, std::sqrt(5.0 / 3));
  // p q: 1/4, 3/16, 3/16; variance (n) 5/4.
  EXPECT_NEAR(test.alpha, 1.5 * (1 - 0.625 / 1.25), 1e-12);
  EXPECT_DOUBLE_EQ(test.kr20, test.alpha);
  EXPECT_NEAR(test.kr21, 1.5 * (1 - 2.25 / 3.75), 1e-12);
  EXPECT_NEAR(test.sem, std::sqrt(5.0 / 3 * 0.25), 1e-12);
  const ItemStatistics& first = analysis->items[0];
  EXPECT_DOUBLE_EQ(first.p, 0.5);
  // Rest 2, 1, 1, 0 against 1, 1, 0, 0: covariance 1/4, variances 1/4 and 1/2.
  EXPECT_NEAR(first.corrected_point_biserial.value(), 0.25 / std::sqrt(0.25 * 0.5), 1e-12);
  EXPECT_NEAR(first.point_biserial.value(), 0.5 / std::sqrt(0.25 * 1.25), 1e-12);
  ASSERT_EQ(first.options.size(), 3u);  // D was not chosen
  EXPECT_EQ(first.options[1].option, "B");
  EXPECT_EQ(first.options[1].count, 1u);
  EXPECT_DOUBLE_EQ(first.options[1].share, 0.25);
  EXPECT_EQ(analysis->items[2].omitted, 1u);
  EXPECT_THAT(test.frequencies, ElementsAre(1, 1, 1, 1));
}

TEST(Classical, TheKeyIsListedThoughNobodyChoseIt) {
  const auto analysis = Analyze(Sheet("AAD", {"AAB", "ABC", "BBC"}));
  ASSERT_TRUE(analysis.ok());
  const ItemStatistics& last = analysis->items[2];
  ASSERT_EQ(last.options.size(), 3u);
  EXPECT_TRUE(last.options[2].is_key);
  EXPECT_EQ(last.options[2].count, 0u);
  EXPECT_FALSE(last.options[2].point_biserial_rest.has_value());
  EXPECT_FALSE(last.options[2].mean_total.has_value());
  EXPECT_FALSE(last.corrected_point_biserial.has_value());
  EXPECT_FALSE(last.biserial.has_value());
}

// Sums of random sheets agree with sums done one by one.
TEST(Classical, AgreesWithDefinitions) {
  Random random(1);
  for (int trial = 0; trial < 50; ++trial) {
    const size_t items = 2 + random.Below(12), persons = 5 + random.Below(60);
    std::string key;
    for (size_t i = 0; i < items; ++i) key += static_cast<char>('A' + random.Below(4));
    std::vector<std::string> rows(persons);
    for (std::string& row : rows) {
      const double ability = random.Uniform();
      for (size_t i = 0; i < items; ++i) {
        row += random.Uniform() < ability ? key[i] : "ABCD-"[random.Below(5)];
      }
    }
    const Choices choices = Sheet(key, rows);
    const auto analysis = Analyze(choices);
    ASSERT_TRUE(analysis.ok());
    for (size_t item = 0; item < items; ++item) {
      double counted = static_cast<double>(analysis->items[item].omitted);
      for (const OptionStatistics& option : analysis->items[item].options) {
        counted += static_cast<double>(option.count);
        std::vector<double> chose, rest;
        for (size_t p = 0; p < persons; ++p) {
          double others = 0;
          for (size_t j = 0; j < items; ++j) others += j != item && rows[p][j] == key[j] ? 1 : 0;
          rest.push_back(others);
          chose.push_back(rows[p][item] == option.option[0] ? 1 : 0);
        }
        double mc = 0, mr = 0, cc = 0, rr = 0, cr = 0;
        for (size_t p = 0; p < persons; ++p) {
          mc += chose[p] / static_cast<double>(persons);
          mr += rest[p] / static_cast<double>(persons);
        }
        for (size_t p = 0; p < persons; ++p) {
          cc += (chose[p] - mc) * (chose[p] - mc);
          rr += (rest[p] - mr) * (rest[p] - mr);
          cr += (chose[p] - mc) * (rest[p] - mr);
        }
        if (option.point_biserial_rest) {
          EXPECT_NEAR(*option.point_biserial_rest, cr / std::sqrt(cc * rr), 1e-10);
        } else {
          EXPECT_NEAR(cc * rr, 0, 1e-9);
        }
      }
      EXPECT_EQ(counted, static_cast<double>(persons));
      const auto biserial = analysis->items[item].biserial;
      EXPECT_TRUE(!biserial || std::isfinite(*biserial));
    }
    const ConditionalErrors errors = ConditionalErrorsOf(analysis->test);
    EXPECT_EQ(errors.lord.front(), 0);
    EXPECT_EQ(errors.lord.back(), 0);
  }
}

ItemStatistics Item(double p, double correlation) {
  return {.p = p, .corrected_point_biserial = correlation, .p_upper = 0.9};
}

TEST(Classical, FlagsAtTheirBounds) {
  const auto flags = [](double p, double r) { return FlagsOf(Item(p, r), {}); };
  EXPECT_THAT(flags(0.30, 0.15), IsEmpty());
  EXPECT_THAT(flags(0.8999, 0.5), IsEmpty());
  EXPECT_THAT(flags(0.2999, 0.5), ElementsAre("P_REVIEW"));
  EXPECT_THAT(flags(0.20, 0.5), ElementsAre("P_REVIEW"));
  EXPECT_THAT(flags(27.0 / 30, 0.5), ElementsAre("P_REVIEW"));
  EXPECT_THAT(flags(0.95, 0.5), ElementsAre("P_REVIEW"));
  EXPECT_THAT(flags(0.1999, 0.5), ElementsAre("P_HOLD"));
  EXPECT_THAT(flags(0.9501, 0.5), ElementsAre("P_HOLD"));
  EXPECT_THAT(flags(0.5, 0.1499), ElementsAre("CORRELATION_LOW"));
  EXPECT_THAT(flags(0.5, 0), ElementsAre("CORRELATION_LOW"));
  EXPECT_THAT(flags(0.5, -0.01), ElementsAre("CORRELATION_HOLD"));
  EXPECT_THAT(FlagsOf({.p = 1}, {}), ElementsAre("P_HOLD", "NO_VARIANCE"));
  FlagRules strict;
  strict.p_review_low = 0.6;
  EXPECT_THAT(FlagsOf(Item(0.5, 0.5), strict), ElementsAre("P_REVIEW"));
}

TEST(Classical, FlagsOfOptions) {
  ItemStatistics item = Item(0.5, 0.3);
  item.options = {{.option = "A", .is_key = true, .share = 0.5, .point_biserial_rest = 0.3},
                  {.option = "B", .share = 0.3, .point_biserial_rest = -0.2, .upper_share = 0.1}};
  EXPECT_THAT(FlagsOf(item, {}), IsEmpty());
  item.options[1].point_biserial_rest = 0.1;
  EXPECT_THAT(FlagsOf(item, {}), ElementsAre("DISTRACTOR_POSITIVE"));
  item.options[1].share = 0.01;  // too few to judge
  EXPECT_THAT(FlagsOf(item, {}), IsEmpty());
  item.options[1].share = 0.3;
  item.options[1].point_biserial_rest = 0.4;
  EXPECT_THAT(FlagsOf(item, {}), ElementsAre("DISTRACTOR_POSITIVE", "KEY_SUSPECT"));
  item.options[1].point_biserial_rest = -0.1;
  item.options[1].upper_share = 0.95;  // above the key's 0.9
  EXPECT_THAT(FlagsOf(item, {}), ElementsAre("KEY_SUSPECT"));
}

TEST(Classical, BadInputIsNamed) {
  const auto reason = [](const Choices& choices, const FlagRules& rules = {}) {
    return ReasonOf(Analyze(choices, rules).status());
  };
  EXPECT_EQ(reason(Sheet("A", {"A", "B"})), "ITEMS_TOO_FEW");
  EXPECT_EQ(reason(Sheet("", {})), "ITEMS_TOO_FEW");
  EXPECT_EQ(reason(Sheet("AB", {"AB"})), "PERSONS_TOO_FEW");
  EXPECT_EQ(reason(Sheet("AB", {"AB", "AB"})), "ZERO_VARIANCE");
  EXPECT_EQ(reason(Sheet("AB", {"CD", "DC"})), "ZERO_VARIANCE");
  Choices ragged = Sheet("AB", {"AB", "BA"});
  ragged.cells.pop_back();
  EXPECT_EQ(reason(ragged), "CHOICES_INVALID");
  Choices unknown = Sheet("AB", {"AB", "BA"});
  unknown.cells[0] = 9;
  EXPECT_EQ(reason(unknown), "CHOICES_INVALID");
  Choices unkeyed = Sheet("AB", {"AB", "BA"});
  unkeyed.key[0] = kOmitted;
  EXPECT_EQ(reason(unkeyed), "CHOICES_INVALID");
  FlagRules rules;
  rules.p_hold_low = 0.5;
  EXPECT_EQ(reason(Sheet("AB", {"AB", "BB"}), rules), "FLAG_RULES_INVALID");
}

TEST(Classical, Times) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const auto times = SummarizeTimes(std::vector<double>{40, 60, none, 2, 50, 98});
  ASSERT_TRUE(times.ok());
  EXPECT_EQ(times->count, 5u);
  EXPECT_DOUBLE_EQ(times->median, 50);
  EXPECT_DOUBLE_EQ(times->mean, 50);
  EXPECT_DOUBLE_EQ(times->lower_quartile, 40);
  EXPECT_DOUBLE_EQ(times->rapid_share, 0.2);  // below 5 seconds
  EXPECT_EQ(ReasonOf(SummarizeTimes({}).status()), "TIMES_EMPTY");
  EXPECT_EQ(ReasonOf(SummarizeTimes(std::vector<double>{none}).status()), "TIMES_EMPTY");
  EXPECT_EQ(ReasonOf(SummarizeTimes(std::vector<double>{1, -1}).status()), "TIME_INVALID");
}

}  // namespace
}  // namespace invigil::scoring::classical
