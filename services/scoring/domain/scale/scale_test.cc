#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/error/error.h"
#include "services/scoring/domain/scale/decision.h"
#include "services/scoring/domain/scale/reporting.h"
#include "services/scoring/domain/scale/scale_map.h"

namespace invigil::scoring {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(ScaleMap, LinesKnotsAndTables) {
  const auto line = ScaleMap::Linear(50, 500);
  ASSERT_TRUE(line.ok());
  EXPECT_DOUBLE_EQ(line->At(-2), 400);
  EXPECT_DOUBLE_EQ(line->At(4), 700);
  const auto two = ScaleMap::PiecewiseLinear({{0, 100}, {35, 700}, {50, 1000}});
  ASSERT_TRUE(two.ok());
  EXPECT_DOUBLE_EQ(two->At(0), 100);
  EXPECT_DOUBLE_EQ(two->At(17.5), 400);
  EXPECT_DOUBLE_EQ(two->At(35), 700);
  EXPECT_DOUBLE_EQ(two->At(42.5), 850);
  EXPECT_DOUBLE_EQ(two->At(50), 1000);
  EXPECT_DOUBLE_EQ(two->At(51), 1020);  // the last line goes on; reporting holds it in
  const auto table = ScaleMap::Table(std::vector<double>{130, 130, 133, 137});
  ASSERT_TRUE(table.ok());
  EXPECT_DOUBLE_EQ(table->At(1), 130);
  EXPECT_DOUBLE_EQ(table->At(2.5), 135);
}

TEST(ScaleMap, BadInputIsANamedError) {
  const auto knots = [](std::vector<ScaleMap::Knot> k) {
    return ReasonOf(ScaleMap::PiecewiseLinear(std::move(k)).status());
  };
  EXPECT_EQ(knots({}), "SCALE_KNOTS");
  EXPECT_EQ(knots({{0, 100}}), "SCALE_KNOTS");
  EXPECT_EQ(knots({{0, 100}, {0, 200}}), "SCALE_KNOTS");
  EXPECT_EQ(knots({{0, 100}, {kNaN, 200}}), "SCALE_KNOTS");
  EXPECT_EQ(knots({{0, 100}, {1, kNaN}}), "SCALE_KNOTS");
  EXPECT_EQ(knots({{0, 100}, {1, 200}, {2, 199}}), "SCALE_NOT_MONOTONE");
  EXPECT_EQ(knots({{0, 100}, {1, 100}}), "");  // a plateau is no fall
  EXPECT_EQ(ReasonOf(ScaleMap::Linear(0, 1).status()), "SCALE_NOT_MONOTONE");
  EXPECT_EQ(ReasonOf(ScaleMap::Linear(-1, 1).status()), "SCALE_NOT_MONOTONE");
  EXPECT_EQ(ReasonOf(ScaleMap::Linear(kNaN, 1).status()), "SCALE_KNOTS");
  EXPECT_EQ(ReasonOf(ScaleMap::Table(std::vector<double>{1, 3, 2}).status()), "SCALE_NOT_MONOTONE");
}

TEST(Reporting, RoundingModesAtHalves) {
  ReportingScale scale{.min = 0, .max = 1000};
  const auto round = [&](double value, Rounding rounding) {
    scale.rounding = rounding;
    return RoundToStep(value, scale);
  };
  EXPECT_EQ(round(700.5, Rounding::kHalfUp), 701);
  EXPECT_EQ(round(701.5, Rounding::kHalfUp), 702);
  EXPECT_EQ(round(700.4999, Rounding::kHalfUp), 700);
  EXPECT_EQ(round(700.5, Rounding::kHalfEven), 700);
  EXPECT_EQ(round(701.5, Rounding::kHalfEven), 702);
  EXPECT_EQ(round(701.6, Rounding::kHalfEven), 702);
  EXPECT_EQ(round(700.99, Rounding::kDown), 700);
  EXPECT_EQ(round(700.01, Rounding::kUp), 701);
  // Exact arithmetic gave 700.5 and 700 here.
  EXPECT_EQ(round(700.4999999999, Rounding::kHalfUp), 701);
  EXPECT_EQ(round(699.9999999999, Rounding::kDown), 700);
  EXPECT_EQ(round(700.0000000001, Rounding::kUp), 700);
  EXPECT_EQ(round(1e9, Rounding::kHalfUp), 1000);
  EXPECT_EQ(round(-1e9, Rounding::kHalfUp), 0);
}

TEST(Reporting, AFailIsNeverPrintedAsTheCut) {
  const ReportingScale scale{.min = 100, .max = 1000, .cut = 700};
  const ScaleMap map = ScaleMap::PiecewiseLinear({{0, 100}, {35, 700}, {50, 1000}}).value();
  const Reported fail = Report(34.99, 35, map, scale).value();  // 699.83
  EXPECT_EQ(fail.passed, false);
  EXPECT_EQ(fail.printed, 699);
  const Reported pass = Report(35 - 1e-10, 35, map, scale).value();
  EXPECT_EQ(pass.passed, true);
  EXPECT_EQ(pass.printed, 700);
  EXPECT_DOUBLE_EQ(*pass.unrounded, 700);
}

TEST(Reporting, BadInputIsANamedError) {
  const auto reason = [](ReportingScale scale) { return ReasonOf(Validate(scale)); };
  EXPECT_EQ(reason({.min = 0, .max = 100, .cut = 50}), "");
  EXPECT_EQ(reason({.min = 100, .max = 100}), "SCALE_INVALID");
  EXPECT_EQ(reason({.min = 0, .max = 100, .step = 0}), "SCALE_INVALID");
  EXPECT_EQ(reason({.min = 0, .max = 95, .step = 10}), "SCALE_INVALID");
  EXPECT_EQ(reason({.min = 0, .max = 100, .cut = 0}), "CUT_OUTSIDE_SCALE");
  EXPECT_EQ(reason({.min = 0, .max = 100, .cut = 101}), "CUT_OUTSIDE_SCALE");
  EXPECT_EQ(reason({.min = 5, .max = 105, .cut = 50, .step = 10}), "CUT_OFF_STEP");
  const ScaleMap map = ScaleMap::PiecewiseLinear({{0, 0}, {10, 100}}).value();
  const ReportingScale scale{.min = 0, .max = 100, .cut = 70};
  EXPECT_EQ(ReasonOf(ReportTable(10, 7, map, scale).status()), "");
  EXPECT_EQ(ReasonOf(ReportTable(10, 6, map, scale).status()), "SCALE_CUT_MISMATCH");
  EXPECT_EQ(ReasonOf(ReportTable(10, std::nullopt, map, scale).status()), "CUT_MISSING");
  EXPECT_EQ(ReasonOf(ReportTable(0, 7, map, scale).status()), "SCALE_INVALID");
  EXPECT_EQ(ReasonOf(ReportTable(6, 7, map, scale).status()), "CUT_OUTSIDE_SCALE");
}

TEST(Reporting, WhatIsNoScoreIsAnError) {
  const ScaleMap map = ScaleMap::PiecewiseLinear({{0, 0}, {70, 70}, {100, 100}}).value();
  const ReportingScale scale{.min = 0, .max = 100, .cut = 70};
  EXPECT_EQ(ReasonOf(Report(kNaN, 70, map, scale).status()), "SCORE_INVALID");
  EXPECT_EQ(ReasonOf(Report(50, std::nullopt, map, scale).status()), "CUT_MISSING");
  EXPECT_EQ(Report(1e300, 70, map, scale)->printed, 100);
}

TEST(Decide, FloorsAndTieBreakers) {
  const DecisionRule rule{.cut = 700, .floors = {{"law", 60}, {"tax", 50}}};
  const auto decide = [&](double total, double law, double tax) {
    return Decide(rule, total, std::vector<SectionResult>{{"law", law}, {"tax", tax}}).value();
  };
  EXPECT_TRUE(decide(700, 60, 50).passed);
  EXPECT_TRUE(decide(700 - 1e-10, 60 - 1e-10, 50).passed);
  const Decision below = decide(900, 59, 49);
  EXPECT_FALSE(below.passed);
  EXPECT_EQ(below.by, DecidedBy::kFloor);
  EXPECT_EQ(below.below_floor, (std::vector<std::string>{"law", "tax"}));
  const Decision low = decide(699, 59, 99);
  EXPECT_FALSE(low.passed);
  EXPECT_EQ(low.by, DecidedBy::kTotal);
  const DecisionRule near{
      .cut = 700, .floors = {{"tax", 50}}, .tie_breaker = TieBreaker{"law", 5, 60}};
  const auto blocked = Decide(near, 702, std::vector<SectionResult>{{"law", 80}, {"tax", 10}});
  ASSERT_TRUE(blocked.ok());
  EXPECT_FALSE(blocked->passed);
  EXPECT_EQ(blocked->by, DecidedBy::kFloor);
}

TEST(Decide, BadInputIsANamedError) {
  const std::vector<SectionResult> sections = {{"law", 1}};
  const auto reason = [&](DecisionRule rule, double total = 1) {
    return ReasonOf(Decide(rule, total, sections).status());
  };
  EXPECT_EQ(reason({.cut = kNaN}), "DECISION_RULE");
  EXPECT_EQ(reason({.floors = {{"law", 1}, {"law", 2}}}), "DECISION_RULE");
  EXPECT_EQ(reason({.tie_breaker = TieBreaker{"law", -1, 0}}), "DECISION_RULE");
  EXPECT_EQ(reason({.floors = {{"tax", 1}}}), "SECTION_MISSING");
  EXPECT_EQ(reason({.tie_breaker = TieBreaker{"tax", 1, 0}}), "SECTION_MISSING");
  EXPECT_EQ(reason({}, kNaN), "SCORE_INVALID");
  EXPECT_EQ(ReasonOf(Decide({}, 1, std::vector<SectionResult>{{"a", 1}, {"a", 2}}).status()),
            "SECTION_REPEATED");
  EXPECT_EQ(ReasonOf(Decide({}, 1, std::vector<SectionResult>{{"a", kNaN}}).status()),
            "SCORE_INVALID");
}

TEST(Linked, WindowsAreCalendarMonths) {
  using namespace std::chrono;
  const LinkedRule rule{{"one", "two"}, months(36)};
  const auto standing = [&](std::vector<LinkedPass> passes, sys_days today) {
    return StandingOf(rule, passes, today).value();
  };
  const sys_days may = 2024y / 5 / 10;
  EXPECT_EQ(standing({{"one", may}, {"two", 2027y / 5 / 10}}, 2028y / 1 / 1).completed,
            sys_days(2027y / 5 / 10));
  const LinkedStanding late = standing({{"one", may}, {"two", 2027y / 5 / 11}}, 2027y / 6 / 1);
  EXPECT_FALSE(late.completed.has_value());
  EXPECT_EQ(late.missing, (std::vector<std::string>{"one"}));  // two counts on, one has lapsed
  EXPECT_EQ(late.last_day, sys_days(2030y / 5 / 11));
  const LinkedStanding open = standing({{"two", may}}, 2025y / 1 / 1);
  EXPECT_EQ(open.missing, (std::vector<std::string>{"one"}));
  EXPECT_EQ(open.last_day, sys_days(2027y / 5 / 10));
  const LinkedStanding none = standing({{"other", may}, {"one", 2030y / 1 / 1}}, 2025y / 1 / 1);
  EXPECT_EQ(none.missing, rule.exam_ids);
  EXPECT_FALSE(none.last_day.has_value());
  // A retake of the lapsed one completes with the later pass of the other.
  EXPECT_EQ(standing({{"one", may}, {"two", 2027y / 5 / 11}, {"one", 2027y / 7 / 1}}, 2028y / 1 / 1)
                .completed,
            sys_days(2027y / 7 / 1));
  EXPECT_EQ(ReasonOf(StandingOf({}, {}, may).status()), "LINKED_RULE");
  EXPECT_EQ(ReasonOf(StandingOf({{"a", "a"}, months(1)}, {}, may).status()), "LINKED_RULE");
  EXPECT_EQ(ReasonOf(StandingOf({{"a"}, months(0)}, {}, may).status()), "LINKED_RULE");
}

}  // namespace
}  // namespace invigil::scoring
