#include "services/cli/learner/learner_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "services/cli/core/json.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <typename Message>
Message Parsed(const std::string& json) {
  Message message;
  const absl::Status status = FromJson(json, &message);
  EXPECT_TRUE(status.ok()) << status;
  return message;
}

TEST(ReadinessText, SaysTheVerdictItsReasonsAndItsBasis) {
  const auto readiness = Parsed<scoring::v1::Readiness>(R"({
    "examId": "EX-1", "title": "An Example", "verdict": "READINESS_VERDICT_CLOSE",
    "needs": ["Two more full timed sessions on new questions."],
    "probability": 0.71, "probabilityUnadjusted": 0.82, "probabilityLow": 0.4,
    "probabilityHigh": 0.93, "interval": 0.9, "examDayAdjustment": -3, "scaledMean": 731.4,
    "scaledSd": 41, "cutScore": 700, "band": 750, "buffer": 0.76, "inBand": 1, "ofLast": 2,
    "sessions": [
      {"sessionId": "s1", "endTime": "2026-11-20T10:00:00Z", "scaledScore": 731.4},
      {"sessionId": "s2", "endTime": "2026-11-21T10:00:00Z", "exclusion": "REPEATED_ITEMS",
       "explanation": "Seen."}],
    "basis": {"practiceEstimate": true, "priorLearners": 44, "disclaimer": "Not official."}})");
  const std::string text = ReadinessText(readiness);
  for (const char* part : {"CLOSE", "71 %", "82 %", "40 % to 93 %", "3.0 percentage points",
                           "Two more full timed", "1 of the last 2", "REPEATED_ITEMS", "2026-11-20",
                           "44 learners", "Not official.", "practice estimate"}) {
    std::string flat = text;
    for (char& c : flat) c = c == '\n' ? ' ' : c;
    while (flat.find("  ") != std::string::npos) flat.replace(flat.find("  "), 2, " ");
    EXPECT_THAT(flat, HasSubstr(part));
  }
}

TEST(PlanText, ShowsTasksAndWhatDrags) {
  const auto plan = Parsed<scoring::v1::StudyPlan>(R"({
    "examId": "EX-1", "minutes": 90, "targetScore": 750,
    "domains": [{"domainId": "1", "name": "First", "weightPercent": 60, "answers": 24,
      "believedGap": 0.2, "minutes": 90, "tasks": [{"taskId": "1.1", "name": "One", "answers": 24,
      "minutes": 90}], "signal": {"drags": true, "gap": -21, "gapError": 8}}],
    "basis": {"practiceEstimate": true, "lowEvidence": true}})");
  const std::string text = PlanText(plan);
  EXPECT_THAT(text, HasSubstr("90 minutes for EX-1, towards 750"));
  EXPECT_THAT(text, HasSubstr("1.1 One"));
  EXPECT_THAT(text, HasSubstr("behind your other domains by 21 points"));
  EXPECT_THAT(text, HasSubstr("default prior"));
}

TEST(CohortText, ShowsFlaggedItemsOnly) {
  const auto report = Parsed<scoring::v1::CohortReport>(R"({
    "examId": "EX-1", "title": "An Example", "forms": "2", "sessions": "40", "passed": "30",
    "passRate": 0.75, "passRateLow": 0.6, "passRateHigh": 0.86, "mean": 741.2,
    "standardDeviation": 80, "reliability": 0.81, "standardError": 35,
    "decisionConsistency": 0.88, "decisionAccuracy": 0.92,
    "items": [{"itemId": "odd", "domainId": "1", "answers": "40", "pValue": 0.2, "flags": ["P_LOW"]},
              {"itemId": "fine", "domainId": "1", "answers": "40", "pValue": 0.7}],
    "alarms": ["Item odd has drifted."], "disclaimer": "Not official.\u001b[2J"})");
  const std::string text = CohortText(report);
  EXPECT_THAT(text, HasSubstr("40 on 2 forms"));
  EXPECT_THAT(text, HasSubstr("75 % (95 % interval 60 % to 86 %)"));
  EXPECT_THAT(text, HasSubstr("! Item odd has drifted."));
  EXPECT_THAT(text, HasSubstr("P_LOW"));
  EXPECT_THAT(text, Not(HasSubstr("fine")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace invigil::cli
