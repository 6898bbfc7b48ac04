#include "services/scoring/domain/calibration/clean.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

using ::testing::ElementsAre;
using State = RawResponse::State;
using As = CleaningRules::As;

RawResponse Answer(bool right, double seconds) { return {State::kAnswered, right, seconds}; }

// 30 sessions of ten items that take 60 seconds each.
std::vector<RawSession> Sessions() {
  std::vector<RawSession> sessions(30);
  for (size_t s = 0; s < 30; ++s) {
    for (size_t i = 0; i < 10; ++i) sessions[s].responses.push_back(Answer((s + i) % 2 == 0, 60));
  }
  return sessions;
}

TEST(Clean, WhatIsCleanStaysAsItIs) {
  const auto data = CleanResponses(Sessions());
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->sessions.size(), 30u);
  for (size_t s = 0; s < 30; ++s) {
    for (size_t i = 0; i < 10; ++i) EXPECT_EQ(data->cells[s * 10 + i], (s + i) % 2 == 0 ? 1 : 0);
  }
  EXPECT_EQ(data->thresholds, std::vector<double>(10, 6.0));
}

TEST(Clean, RapidGuessesAreNotPresentedAndManyDropTheSession) {
  auto sessions = Sessions();
  sessions[3].responses[0] = Answer(true, 2);  // one of ten: kept
  sessions[4].responses[0] = Answer(true, 6);  // at the threshold: no guess
  sessions[5].responses[0] = Answer(true, 1);
  sessions[5].responses[1] = Answer(true, 1);  // two of ten: below 0.90
  const auto data = CleanResponses(sessions);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->sessions.size(), 29u);
  EXPECT_EQ(data->low_effort_sessions, 1u);
  EXPECT_EQ(data->rapid_guesses, 1u);
  EXPECT_EQ(data->cells[3 * 10], -1);
  EXPECT_EQ(data->cells[4 * 10], 1);
  CleaningRules rules;
  rules.rapid = As::kWrong;
  rules.least_effort = 0;
  const auto wrong = CleanResponses(sessions, rules);
  EXPECT_EQ(wrong->cells[3 * 10], 0);
  EXPECT_EQ(wrong->sessions.size(), 30u);
  rules.rapid_share = 0;
  EXPECT_EQ(CleanResponses(sessions, rules)->rapid_guesses, 0u);
}

TEST(Clean, ThresholdsAreBoundedAndNeedTimes) {
  auto sessions = Sessions();
  for (auto& session : sessions) {
    session.responses[1].seconds = 500;
    session.responses[2].seconds.reset();
  }
  const auto data = CleanResponses(sessions);
  EXPECT_EQ(data->thresholds[0], 6);
  EXPECT_EQ(data->thresholds[1], 10);
  EXPECT_EQ(data->thresholds[2], 0);
}

TEST(Clean, OmittedNotReachedAndBreached) {
  auto sessions = Sessions();
  sessions[0].breached = true;
  sessions[1].responses[4].state = State::kOmitted;
  sessions[1].responses[5].state = State::kNotReached;
  sessions[1].responses[6].state = State::kNotPresented;
  for (auto& response : sessions[2].responses) response.state = State::kNotPresented;
  const auto data = CleanResponses(sessions);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->breached_sessions, 1u);
  EXPECT_EQ(data->empty_sessions, 1u);
  EXPECT_EQ(data->omitted, 1u);
  EXPECT_EQ(data->not_reached, 1u);
  EXPECT_EQ(data->sessions.front(), 1u);
  EXPECT_THAT(std::vector<int8_t>(&data->cells[4], &data->cells[7]), ElementsAre(0, -1, -1));
}

TEST(Clean, TheTailBehindTheLastAnswerWasNotReached) {
  RawSession session;
  for (int i = 0; i < 6; ++i) session.responses.push_back({State::kOmitted, false, {}});
  session.responses[2].state = State::kAnswered;
  MarkNotReached(session, {5, 2, 0, 4, 3});                // item 1 was not in this form
  EXPECT_EQ(session.responses[5].state, State::kOmitted);  // before the last answer
  EXPECT_EQ(session.responses[0].state, State::kOmitted);  // read and skipped
  EXPECT_EQ(session.responses[4].state, State::kNotReached);
  EXPECT_EQ(session.responses[3].state, State::kNotReached);
  EXPECT_EQ(session.responses[1].state, State::kOmitted);
}

TEST(Clean, BadInputIsNamed) {
  CleaningRules rules;
  rules.rapid_share = 1.5;
  EXPECT_EQ(ReasonOf(CleanResponses(Sessions(), rules).status()), "CLEANING_RULES_INVALID");
  auto sessions = Sessions();
  sessions[7].responses.pop_back();
  EXPECT_EQ(ReasonOf(CleanResponses(sessions).status()), "SESSIONS_SHAPE");
  sessions = Sessions();
  sessions[7].responses[0].seconds = std::nan("");
  EXPECT_EQ(ReasonOf(CleanResponses(sessions).status()), "SESSION_TIME_INVALID");
  EXPECT_EQ(CleanResponses({})->cells.size(), 0u);
}

}  // namespace
}  // namespace invigil::scoring
