#include "services/scoring/domain/signals/study_plan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/random.h"
#include "common/error/error.h"

namespace invigil::scoring {
namespace {

std::vector<StudyDomain> Clf(double security_gap = 0, size_t items = 0) {
  return {
      {{"1", 24, 0, items}, {}},
      {{"2", 30, security_gap, items}, {{"2.1", 1, 0, 0}, {"2.2", 1, 0.5, 20}, {"2.3", 2, 0, 0}}},
      {{"3", 34, 0, items}, {}},
      {{"4", 12, 0, items}, {}}};
}

TEST(StudyPlan, WithoutEvidenceTimeGoesByWeight) {
  const auto plan = PlanStudy(Clf(), {.minutes = 1000});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)[0].minutes, 240);
  EXPECT_EQ((*plan)[1].minutes, 300);
  EXPECT_EQ((*plan)[2].minutes, 340);
  EXPECT_EQ((*plan)[3].minutes, 120);
  EXPECT_DOUBLE_EQ((*plan)[1].share, 0.3);
  EXPECT_DOUBLE_EQ((*plan)[1].evidence, 0);
  // Down to tasks: one has evidence of a gap of its own.
  const auto& tasks = (*plan)[1].tasks;
  ASSERT_EQ(tasks.size(), 3u);
  EXPECT_EQ(tasks[0].minutes + tasks[1].minutes + tasks[2].minutes, 300);
  EXPECT_GT(tasks[1].minutes, tasks[2].minutes);
}

TEST(StudyPlan, EvidenceMovesTimeToTheGap) {
  const auto plan = PlanStudy(Clf(0.3, 40), {.minutes = 1000});
  ASSERT_TRUE(plan.ok());
  EXPECT_DOUBLE_EQ((*plan)[1].evidence, 0.8);
  EXPECT_NEAR((*plan)[1].believed_gap, 0.8 * 0.3 + 0.2 * 0.15, 1e-12);
  EXPECT_GT((*plan)[1].minutes, 700);
}

TEST(StudyPlan, SumsToTheBudgetAndARaisedGapNeverTakesMinutesAway) {
  Random random(12);
  for (int trial = 0; trial < 400; ++trial) {
    std::vector<StudyDomain> domains;
    const size_t count = 1 + random.Below(7);
    for (size_t d = 0; d < count; ++d) {
      domains.push_back(
          {{std::to_string(d), random.Uniform() * 50, random.Uniform(), random.Below(60)}, {}});
      for (size_t t = random.Below(4); t > 0; --t) {
        domains[d].tasks.push_back(
            {std::to_string(t), random.Uniform(), random.Uniform(), random.Below(20)});
      }
    }
    domains[0].topic.weight += 1;
    const PlanOptions options{.minutes = static_cast<int64_t>(1 + random.Below(900))};
    const auto before = PlanStudy(domains, options);
    ASSERT_TRUE(before.ok()) << before.status();
    int64_t sum = 0;
    for (const PlannedDomain& domain : *before) {
      sum += domain.minutes;
      int64_t tasks = 0;
      for (const PlannedTask& task : domain.tasks) tasks += task.minutes;
      if (!domain.tasks.empty()) {
        EXPECT_EQ(tasks, domain.minutes);
      }
      // Sainte-Lague stays near the quota.
      EXPECT_NEAR(static_cast<double>(domain.minutes),
                  domain.share * static_cast<double>(options.minutes), 1.5);
    }
    EXPECT_EQ(sum, options.minutes);
    const size_t raised = random.Below(count);
    double& gap = domains[raised].topic.gap;
    gap += (1 - gap) * random.Uniform();
    const auto after = PlanStudy(domains, options);
    EXPECT_GE((*after)[raised].minutes, (*before)[raised].minutes);
    EXPECT_GE((*after)[raised].share, (*before)[raised].share - 1e-12);
  }
}

TEST(StudyPlan, NothingLeftToLearnGoesByWeight) {
  std::vector<StudyDomain> domains = Clf(0, 1000);
  const auto plan = PlanStudy(domains, {.minutes = 100, .prior_items = 0});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ((*plan)[1].minutes, 30);
}

TEST(StudyPlan, BadInputIsANamedError) {
  const auto reason = [](std::vector<StudyDomain> domains, PlanOptions options = {}) {
    return ReasonOf(PlanStudy(domains, options).status());
  };
  EXPECT_EQ(reason({}), "PLAN_TOPIC");
  EXPECT_EQ(reason({{{"a", 0, 0, 0}, {}}}), "PLAN_TOPIC");
  EXPECT_EQ(reason({{{"a", -1, 0, 0}, {}}}), "PLAN_TOPIC");
  EXPECT_EQ(reason({{{"a", 1, 1.1, 0}, {}}}), "PLAN_TOPIC");
  EXPECT_EQ(reason({{{"a", 1, std::nan(""), 0}, {}}}), "PLAN_TOPIC");
  EXPECT_EQ(reason({{{"a", 1, 0, 0}, {}}, {{"a", 1, 0, 0}, {}}}), "PLAN_TOPIC");
  EXPECT_EQ(reason({{{"a", 1, 0, 0}, {{"t", -1, 0, 0}}}}), "PLAN_TOPIC");
  EXPECT_EQ(reason(Clf(), {.minutes = 0}), "PLAN_OPTIONS");
  EXPECT_EQ(reason(Clf(), {.prior_gap = 0}), "PLAN_OPTIONS");
  EXPECT_EQ(reason(Clf(), {.prior_items = -1}), "PLAN_OPTIONS");
}

TEST(StudyPlan, GapsComeFromFirstSeenAnswersAgainstTheTarget) {
  std::vector<PracticeResponse> responses;
  for (size_t i = 0; i < 10; ++i) {  // at ability 1 on items of difficulty 1: half right expected
    responses.push_back({.irt = {1, 1, 0}, .domain = 1, .task = i < 6 ? 1u : 2u, .right = i < 3});
  }
  responses.push_back({.irt = {1, 1, 0}, .domain = 0, .right = true});
  responses.push_back({.irt = {1, 1, 0}, .domain = 3, .first_seen = false});
  responses.push_back({.irt = {1, 1, 0}, .domain = 3, .operational = false});
  const auto gaps = GapsOf(responses, Clf(0.9, 7), 1);
  ASSERT_TRUE(gaps.ok()) << gaps.status();
  EXPECT_NEAR((*gaps)[1].topic.gap, 0.2, 1e-12);
  EXPECT_EQ((*gaps)[1].topic.items, 10u);
  EXPECT_EQ((*gaps)[1].tasks[0].items, 0u);
  EXPECT_NEAR((*gaps)[1].tasks[1].gap, 0, 1e-12);
  EXPECT_NEAR((*gaps)[1].tasks[2].gap, 0.5, 1e-12);
  EXPECT_EQ((*gaps)[0].topic.gap, 0);  // better than the target is no gap
  EXPECT_EQ((*gaps)[3].topic.items, 0u);
  responses[0].task = 3;
  EXPECT_EQ(ReasonOf(GapsOf(responses, Clf(), 1).status()), "TASK_UNKNOWN");
  responses[0].domain = 4;
  EXPECT_EQ(ReasonOf(GapsOf(responses, Clf(), 1).status()), "DOMAIN_UNKNOWN");
  responses[0].irt.slope = 0;
  EXPECT_EQ(ReasonOf(GapsOf(responses, Clf(), 1).status()), "ITEM_PARAMETERS_INVALID");
  EXPECT_EQ(ReasonOf(GapsOf({}, Clf(), std::nan("")).status()), "TARGET_INVALID");
}

TEST(Retests, WidenWithSuccessAndNeverRepeatTheItem) {
  const auto day = [](int64_t d) { return FromUnixMicros(d * 24 * 3600 * 1'000'000); };
  const std::vector<MissedItem> misses = {
      {"item-a", "1.1", day(100), 0, day(100)},
      {"item-b", "2.3", day(90), 2, day(95)},
      {"item-c", "3.1", day(50), 5, day(80)},
  };
  const auto due = RetestsDue(misses, day(102));
  ASSERT_EQ(due.size(), 2u);  // c is settled
  EXPECT_EQ(due[0].task_id, "1.1");
  EXPECT_EQ(due[0].not_item_id, "item-a");
  EXPECT_EQ(due[0].due_at, day(101));
  EXPECT_EQ(due[1].due_at, day(102));
  EXPECT_EQ(RetestsDue(misses, day(100)).size(), 0u);
}

}  // namespace
}  // namespace invigil::scoring
