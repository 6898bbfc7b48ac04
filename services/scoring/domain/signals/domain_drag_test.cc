#include "services/scoring/domain/signals/domain_drag.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/error/error.h"
#include "services/scoring/domain/signals/simulate.h"

namespace invigil::scoring {
namespace {

TEST(DomainDrag, ATableByHand) {
  // Two domains of two equal items, two of four right, both in domain 0: of the six ways to place
  // two right answers one gives domain 1 none.
  PracticeSession session;
  session.full_length = session.timed = session.equated = true;
  for (size_t i = 0; i < 4; ++i) {
    session.responses.push_back({.irt = {1, 0, 0}, .domain = i / 2, .right = i < 2});
  }
  const auto result = FindDrag(std::vector{session}, std::vector<double>{60, 40},
                               {.significance = 0.4, .least_items = 2});
  ASSERT_TRUE(result.ok()) << result.status();
  const DomainDrag& behind = (*result)[1];
  EXPECT_NEAR(behind.expected, 1, 1e-12);
  EXPECT_NEAR(behind.gap, -50, 1e-9);
  EXPECT_NEAR(behind.p_value, 1.0 / 6, 1e-12);
  EXPECT_NEAR(behind.p_adjusted, 2.0 / 6, 1e-12);
  EXPECT_NEAR(behind.gap_error, 100 * std::sqrt(1.0 / 3) / 2, 1e-9);
  EXPECT_TRUE(behind.drags);
  EXPECT_NEAR(behind.severity, 0.4 * 50, 1e-9);
  EXPECT_FALSE((*result)[0].drags);
  EXPECT_NEAR((*result)[0].p_value, 1, 1e-12);
}

TEST(DomainDrag, FalseAlarmsOnFlatProfilesStayBelowFivePercent) {
  Random random(21);
  int alarms = 0;
  constexpr int kLearners = 1500;
  for (int i = 0; i < kLearners; ++i) {
    const auto sessions = SessionsWithDrag(1 + i % 3, 0.3 + 0.9 * random.Normal(), 0, random);
    const auto result = FindDrag(sessions, SimulatedWeights());
    ASSERT_TRUE(result.ok());
    bool any = false;
    for (const DomainDrag& domain : *result) any |= domain.drags;
    alarms += any;
  }
  // 5 % of 1,500 are 75, with a deviation of 8.4.
  EXPECT_LT(alarms, 90);
  EXPECT_GT(alarms, 10);  // a test that never fires would pass the line above
}

TEST(DomainDrag, PowerGrowsWithTheGapAndWithSessions) {
  const auto found = [](size_t sessions, double drag) {
    Random random(5);
    int hits = 0;
    for (int i = 0; i < 150; ++i) {
      const auto result =
          FindDrag(SessionsWithDrag(sessions, 0.5, drag, random), SimulatedWeights());
      hits += result->at(1).drags;
    }
    return hits / 150.0;
  };
  EXPECT_GT(found(5, 1.2), 0.8);
  EXPECT_GT(found(5, 1.2), found(1, 1.2));
  EXPECT_GT(found(5, 1.2), found(5, 0.4));
  EXPECT_GT(found(1, 1.2), 0.08);
}

TEST(DomainDrag, PerfectAndEmptySessionsAccuseNobody) {
  PracticeSession session;
  session.full_length = session.timed = session.equated = true;
  for (size_t i = 0; i < 50; ++i) {
    session.responses.push_back({.irt = {1, 0, 0.2}, .domain = DomainOf50(i), .right = true});
  }
  for (bool right : {true, false}) {
    for (auto& response : session.responses) response.right = right;
    const auto result = FindDrag(std::vector{session}, SimulatedWeights());
    ASSERT_TRUE(result.ok());
    for (const DomainDrag& domain : *result) {
      EXPECT_FALSE(domain.drags);
      EXPECT_NEAR(domain.gap, 0, 1e-9);
    }
  }
  session.timed = false;  // no evidence at all
  const auto none = FindDrag(std::vector{session}, SimulatedWeights());
  ASSERT_TRUE(none.ok());
  for (const DomainDrag& domain : *none) EXPECT_FALSE(domain.judged);
}

TEST(DomainDrag, BadInputIsANamedError) {
  Random random(1);
  const auto sessions = SessionsWithDrag(1, 0, 0, random);
  const auto reason = [&](std::vector<double> weights, DragOptions options = {}) {
    return ReasonOf(FindDrag(sessions, weights, options).status());
  };
  EXPECT_EQ(reason({24, 30, 34, 12}), "");
  EXPECT_EQ(reason({24, 30, 46}), "DOMAIN_UNKNOWN");
  EXPECT_EQ(reason({}), "WEIGHT_INVALID");
  EXPECT_EQ(reason({0, 0, 0, 0}), "WEIGHT_INVALID");
  EXPECT_EQ(reason({24, -30, 34, 12}), "WEIGHT_INVALID");
  EXPECT_EQ(reason({24, std::nan(""), 34, 12}), "WEIGHT_INVALID");
  EXPECT_EQ(reason({24, 30, 34, 12}, {.significance = 0}), "DRAG_OPTIONS");
}

}  // namespace
}  // namespace invigil::scoring
