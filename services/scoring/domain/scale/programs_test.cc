// The scales of real programmes as data of one type. Facts collected 2026-11-23; programmes change
// their rules, so in service these values live in versioned exam definitions, not here.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>

#include "common/base/random.h"
#include "services/scoring/domain/scale/decision.h"
#include "services/scoring/domain/scale/reporting.h"

namespace invigil::scoring {
namespace {

struct Programme {
  std::string name;
  ReportingScale scale;
  uint32_t raw_max;
  std::optional<double> raw_cut;  // for the tests; programmes do not publish theirs
};

ReportingScale Of(int32_t min, int32_t max, std::optional<int32_t> cut,
                  NumberPolicy number = NumberPolicy::kAlways, int32_t step = 1) {
  return {.min = min, .max = max, .cut = cut, .step = step, .number = number};
}

std::vector<Programme> Programmes() {
  return {
      {"AWS CLF-C02", Of(100, 1000, 700), 50, 35},
      {"AWS SAA-C03", Of(100, 1000, 720), 50, 36},
      {"AWS AIF-C01", Of(100, 1000, 700), 50, 35},
      {"AWS professional", Of(100, 1000, 750), 65, 48.3},
      {"CompTIA Security+", Of(100, 900, 750), 80, 61.7},
      {"CompTIA Network+", Of(100, 900, 720), 80, 58},
      {"CompTIA A+ core 1", Of(100, 900, 675), 85, 57.1},
      {"CompTIA A+ core 2", Of(100, 900, 700), 85, 60},
      {"CompTIA SecurityX", Of(100, 900, 750, NumberPolicy::kNever), 80, 60},
      {"Microsoft", Of(1, 1000, 700), 52, 36.5},
      {"Cisco CCNA", Of(300, 1000, 825), 100, 74},
      {"Google Cloud", Of(0, 100, 70, NumberPolicy::kNever), 50, 35},
      {"ISC2 CISSP", Of(0, 1000, 700, NumberPolicy::kNever), 125, 87},
      {"PMP", Of(0, 1000, 650, NumberPolicy::kNever), 175, 107},
      {"CKA", Of(0, 100, 66), 100, 66},
      {"GRE section", Of(130, 170, std::nullopt), 27, std::nullopt},
      {"GMAT section", Of(60, 90, std::nullopt), 21, std::nullopt},
      {"GMAT total", Of(205, 805, std::nullopt, NumberPolicy::kAlways, 10), 90, std::nullopt},
      {"CFA level 1", Of(1000, 1900, 1600), 180, 118.4},
  };
}

ScaleMap MapOf(const Programme& p) {
  std::vector<ScaleMap::Knot> knots = {{0, static_cast<double>(p.scale.min)}};
  if (p.raw_cut) knots.push_back({*p.raw_cut, static_cast<double>(*p.scale.cut)});
  knots.push_back({static_cast<double>(p.raw_max), static_cast<double>(p.scale.max)});
  return ScaleMap::PiecewiseLinear(knots).value();
}

TEST(Programmes, EveryRawScore) {
  for (const Programme& p : Programmes()) {
    const auto table = ReportTable(p.raw_max, p.raw_cut, MapOf(p), p.scale);
    ASSERT_TRUE(table.ok()) << p.name << table.status();
    ASSERT_EQ(table->size(), p.raw_max + 1);
    EXPECT_EQ(table->front().printed, p.scale.min) << p.name;
    EXPECT_EQ(table->back().printed, p.scale.max) << p.name;
    for (uint32_t raw = 0; raw <= p.raw_max; ++raw) {
      const Reported& row = (*table)[raw];
      EXPECT_EQ((*row.printed - p.scale.min) % p.scale.step, 0) << p.name;
      EXPECT_GE(*row.printed, *(*table)[raw == 0 ? 0 : raw - 1].printed) << p.name << raw;
      EXPECT_EQ(row.passed.has_value(), p.raw_cut.has_value()) << p.name;
      if (!p.raw_cut) continue;
      EXPECT_EQ(*row.passed, raw >= *p.raw_cut - 1e-9) << p.name << raw;
      EXPECT_EQ(*row.printed >= *p.scale.cut, *row.passed) << p.name << raw;
      EXPECT_EQ(*row.unrounded >= *p.scale.cut, *row.passed) << p.name << raw;
    }
  }
}

TEST(Programmes, TheDecisionAndThePrintedNumberNeverDisagree) {
  Random random(1);
  for (const Programme& p : Programmes()) {
    if (!p.raw_cut) continue;
    ReportingScale scale = p.scale;
    scale.number = NumberPolicy::kAlways;
    const ScaleMap map = MapOf(p);
    double from = 0;
    for (int i = 0; i < 20'000; ++i) {
      // Half of them a hair around the cut.
      from = i % 2 == 0
                 ? p.raw_max * random.Uniform()
                 : *p.raw_cut + 1e-3 * random.Normal() * std::pow(10, -random.Uniform() * 12);
      for (Rounding rounding :
           {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kDown, Rounding::kUp}) {
        scale.rounding = rounding;
        const Reported r = Report(from, p.raw_cut, map, scale).value();
        ASSERT_EQ(*r.printed >= *scale.cut, *r.passed) << p.name << from;
        ASSERT_EQ(*r.unrounded >= *scale.cut, *r.passed) << p.name << from;
        ASSERT_GE(*r.printed, scale.min);
        ASSERT_LE(*r.printed, scale.max);
      }
    }
  }
}

TEST(Programmes, PassFailOnlyStoresNoNumber) {
  for (const Programme& p : Programmes()) {
    if (p.scale.number != NumberPolicy::kNever) continue;
    for (double raw : {0.0, *p.raw_cut - 1, *p.raw_cut, static_cast<double>(p.raw_max)}) {
      const Reported r = Report(raw, p.raw_cut, MapOf(p), p.scale).value();
      EXPECT_TRUE(r.passed.has_value()) << p.name;
      EXPECT_FALSE(r.printed.has_value()) << p.name;
      EXPECT_FALSE(r.unrounded.has_value()) << p.name;
    }
  }
}

TEST(Programmes, NumbersForThoseWhoFailOnly) {
  const ReportingScale scale = Of(0, 1000, 700, NumberPolicy::kFailOnly);
  const ScaleMap map = ScaleMap::PiecewiseLinear({{0, 0}, {70, 700}, {100, 1000}}).value();
  EXPECT_EQ(Report(60, 70, map, scale).value().printed, 600);
  EXPECT_FALSE(Report(70, 70, map, scale).value().printed.has_value());
}

// On a logit standard the number is the ability itself, and nobody is shown it.
TEST(Programmes, NclexDecidesOnTheLogitScale) {
  const ReportingScale scale = Of(-6, 6, 0, NumberPolicy::kNever);
  const ScaleMap map = ScaleMap::Linear(1, 0).value();
  ASSERT_TRUE(CheckAgreement(0.0, map, scale).ok());
  EXPECT_EQ(Report(0.0, 0.0, map, scale).value().passed, true);
  EXPECT_EQ(Report(-1e-6, 0.0, map, scale).value().passed, false);
  EXPECT_FALSE(Report(0.3, 0.0, map, scale).value().printed.has_value());
}

// 35 of 50 at the cut: a question is worth 17.1 points below and 20 above.
TEST(Programmes, WorthOfAQuestion) {
  const Programme clf = Programmes()[0];
  const ScaleMap map = MapOf(clf);
  EXPECT_NEAR(map.At(34) - map.At(33), 600.0 / 35, 1e-9);
  EXPECT_NEAR(map.At(36) - map.At(35), 20, 1e-9);
}

// GMAT totals end in 5.
TEST(Programmes, StepsCountFromTheLeastScore) {
  const ReportingScale gmat = Of(205, 805, std::nullopt, NumberPolicy::kAlways, 10);
  EXPECT_EQ(RoundToStep(209.9, gmat), 205);
  EXPECT_EQ(RoundToStep(210, gmat), 215);  // a half goes up
  EXPECT_EQ(RoundToStep(804, gmat), 805);
  EXPECT_EQ(RoundToStep(5000, gmat), 805);
  EXPECT_EQ(RoundToStep(-5000, gmat), 205);
}

// A+ needs both cores within three years; CFA lets ethics decide near the cut; an exam may ask for
// a floor in every section.
TEST(Programmes, DecisionsFromMoreThanOneNumber) {
  using namespace std::chrono;
  const LinkedRule a_plus{{"core1", "core2"}, months(36)};
  const auto both = StandingOf(a_plus,
                               std::vector<LinkedPass>{{"core1", sys_days(2024y / 2 / 29)},
                                                       {"core2", sys_days(2027y / 2 / 28)}},
                               sys_days(2027y / 3 / 1));
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->completed, sys_days(2027y / 2 / 28));
  const DecisionRule cfa{.cut = 1600, .tie_breaker = TieBreaker{"ethics", 10, 70}};
  EXPECT_TRUE(Decide(cfa, 1592, std::vector<SectionResult>{{"ethics", 75}})->passed);
  EXPECT_FALSE(Decide(cfa, 1605, std::vector<SectionResult>{{"ethics", 60}})->passed);
  EXPECT_FALSE(Decide(cfa, 1580, std::vector<SectionResult>{{"ethics", 99}})->passed);
  EXPECT_TRUE(Decide(cfa, 1650, std::vector<SectionResult>{{"ethics", 0}})->passed);
}

}  // namespace
}  // namespace invigil::scoring
