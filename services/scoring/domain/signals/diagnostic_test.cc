#include "services/scoring/domain/signals/diagnostic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/error/error.h"
#include "services/scoring/domain/signals/simulate.h"

namespace invigil::scoring {
namespace {

const std::vector<std::string> kNames = {"Concepts", "Security", "Technology", "Billing"};

std::vector<PracticeResponse> Answers(const std::vector<std::vector<bool>>& by_domain) {
  std::vector<PracticeResponse> responses;
  for (size_t d = 0; d < by_domain.size(); ++d) {
    for (const bool right : by_domain[d]) {
      responses.push_back({.irt = {1, 0, 0.2}, .domain = d, .right = right});
    }
  }
  return responses;
}

DiagnosticResult Result(const std::vector<PracticeResponse>& responses,
                        DiagnosticOptions options = {}) {
  return Diagnose(responses, SimulatedExam(1).base_form, kNames, options).value();
}

TEST(Diagnostic, TenAnswersGiveAScoreAndSeldomAName) {
  const auto result =
      Result(Answers({{true, true}, {false, false, true}, {true, true, false, true}, {true}}));
  EXPECT_EQ(result.right, 7u);
  EXPECT_EQ(result.items, 10u);
  EXPECT_DOUBLE_EQ(result.percent, 70);
  EXPECT_LT(result.exam_percent_low, result.exam_percent);
  EXPECT_GT(result.exam_percent_high, result.exam_percent);
  EXPECT_GT(result.exam_percent_high - result.exam_percent_low, 15);  // ten answers say little
  const auto& p = result.weakest.probability;
  EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1, 1e-12);
  EXPECT_EQ(std::max_element(p.begin(), p.end()) - p.begin(), 1);
  EXPECT_FALSE(result.weakest.named.has_value());
  EXPECT_EQ(result.weakest_text.rfind("Not enough evidence", 0), 0u);
}

TEST(Diagnostic, ManyAnswersNameTheDomain) {
  const std::vector<bool> good(20, true);
  std::vector<bool> bad(20, false);
  bad[0] = bad[1] = bad[2] = bad[3] = true;
  const auto result = Result(Answers({good, bad, good, good}));
  EXPECT_EQ(result.weakest.named, 1u);
  EXPECT_EQ(result.weakest_text, "Weakest so far: Security.");
  EXPECT_TRUE(result.weakest.likely.empty());
}

TEST(Diagnostic, TwoLikelyDomainsAreBothSaid) {
  const std::vector<bool> good(15, true), bad(15, false);
  const auto result = Result(Answers({good, bad, good, bad}));
  EXPECT_FALSE(result.weakest.named.has_value());
  EXPECT_EQ(result.weakest.likely.size(), 2u);
  EXPECT_EQ(result.weakest_text,
            "Not enough evidence to name a weakest domain; likely Security or Billing.");
  EXPECT_NEAR(result.weakest.probability[1], result.weakest.probability[3], 1e-9);
}

TEST(Diagnostic, EqualAnswersGiveEqualProbabilities) {
  const auto result = Result(Answers({{true}, {true}, {true}, {true}}));
  for (double p : result.weakest.probability) EXPECT_NEAR(p, 0.25, 1e-12);
  // No answer in a domain leaves it at its prior, not at an extreme.
  const auto partial = Result(Answers({{true, false}, {}, {}, {}}));
  for (double p : partial.weakest.probability) EXPECT_GT(p, 0.2);
}

TEST(Diagnostic, PretestAnswersChangeNothing) {
  auto responses = Answers({{true, false}, {false}, {true}, {true}});
  const auto before = Result(responses);
  responses.push_back({.irt = {2, 1, 0}, .domain = 3, .operational = false, .right = true});
  const auto after = Result(responses);
  responses.back().right = false;
  const auto flipped = Result(responses);
  EXPECT_EQ(before.weakest.probability, after.weakest.probability);
  EXPECT_EQ(after.weakest.probability, flipped.weakest.probability);
  EXPECT_EQ(before.exam_percent, flipped.exam_percent);
  EXPECT_EQ(before.items, flipped.items);
}

TEST(Diagnostic, BadInputIsANamedError) {
  const auto exam = SimulatedExam(1).base_form;
  const auto good = Answers({{true}, {false}, {true}, {true}});
  const auto reason = [&](std::vector<PracticeResponse> responses, DiagnosticOptions options = {}) {
    return ReasonOf(Diagnose(responses, exam, kNames, options).status());
  };
  EXPECT_EQ(reason({}), "DIAGNOSTIC_EMPTY");
  auto bad = good;
  bad[0].domain = 4;
  EXPECT_EQ(reason(bad), "DOMAIN_UNKNOWN");
  bad = good;
  bad[0].irt.difficulty = std::nan("");
  EXPECT_EQ(reason(bad), "ITEM_PARAMETERS_INVALID");
  EXPECT_EQ(reason(good, {.domain_sd = 0}), "DIAGNOSTIC_OPTIONS");
  EXPECT_EQ(reason(good, {.name_at = 1.5}), "DIAGNOSTIC_OPTIONS");
  EXPECT_EQ(ReasonOf(Diagnose(good, {}, kNames).status()), "EXAM_INVALID");
  EXPECT_EQ(ReasonOf(Diagnose(good, exam, std::vector<std::string>{"one"}).status()),
            "DOMAINS_TOO_FEW");
}

TEST(Diagnostic, AnswersThatNoAbilityGivesAreAnError) {
  const std::vector<PracticeResponse> responses(20,
                                                {.irt = {50, 100, 0}, .domain = 1, .right = true});
  EXPECT_EQ(ReasonOf(Diagnose(responses, SimulatedExam(1).base_form, kNames).status()),
            "ANSWERS_UNEXPLAINED");
}

// The short form of tests/bench/study_diagnostic.
TEST(DiagnosticStudy, StatedProbabilitiesOfTheWeakestDomainAreCalibrated) {
  const auto exam = SimulatedExam(2026).base_form;
  Random random(31);
  ReliabilityTable table;
  size_t named = 0, named_right = 0;
  for (int i = 0; i < 1500; ++i) {
    const bool ten = i % 3 != 0;
    const DiagnosticCase c = SimulateDiagnostic(ten ? 10 : 50, 0, 1.2, 0.6, random);
    const auto result = Diagnose(c.responses, exam, kNames, {.name_at = 0.6});
    ASSERT_TRUE(result.ok());
    for (size_t d = 0; d < 4; ++d) table.Add(result->weakest.probability[d], d == c.weakest);
    if (!result->weakest.named) continue;
    ++named;
    named_right += *result->weakest.named == c.weakest;
  }
  EXPECT_LT(table.WorstGap(300), 0.05);
  ASSERT_GT(named, 50u);
  EXPECT_GT(static_cast<double>(named_right) / static_cast<double>(named), 0.55);
}

// The lowest percentage names the weak domain 43 % of the time on ten items, 67 % on fifty.
TEST(DiagnosticStudy, WhatTheLowestPercentageIsWorth) {
  Random random(8);
  for (const auto& [items, expected] : {std::pair<size_t, double>{10, 0.43}, {50, 0.67}}) {
    int right = 0;
    for (int i = 0; i < 20'000; ++i) right += NaiveNamesTheWeakest(items, 0.7, 0.2, random);
    EXPECT_NEAR(right / 20'000.0, expected, 0.03) << items;
  }
}

}  // namespace
}  // namespace invigil::scoring
