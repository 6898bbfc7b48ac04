#include "services/cli/simulate/sitting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/cli/api/fake_api.h"
#include "services/cli/simulate/summary.h"

namespace invigil::cli {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class SittingTest : public ::testing::Test {
 protected:
  SittingTest() {
    api_.session.set_session_id("s");
    for (int i = 0; i < 20; ++i) {
      auto* item = api_.session.add_items();
      item->set_item_id("q" + std::to_string(i));
      item->set_stem("Stem " + std::to_string(i));
      item->set_select_count(1);
      for (const char* id : {"A", "B", "C", "D"}) {
        auto* option = item->add_options();
        option->set_option_id(id);
        option->set_text(id);
      }
    }
  }
  SittingOutcome Run() {
    return Sit(
        api_,
        {.subject = "sim-1", .staff_token = staff_token_, .exam_id = "E", .theta = 0.5, .seed = 4},
        ItemBook(itembank::v1::Bank()), meter_, clock_,
        [this](Duration delay) { clock_.Advance(delay); });
  }
  std::string staff_token_;
  FakeApi api_;
  Meter meter_;
  ManualClock clock_;
};

TEST_F(SittingTest, SitsToTheReport) {
  const SittingOutcome outcome = Run();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_THAT(outcome.lost, IsEmpty());
  EXPECT_THAT(api_.Stored(), SizeIs(20));
  ASSERT_TRUE(outcome.report.has_value());
  EXPECT_EQ(outcome.report->scaled_score(), 712);
  EXPECT_EQ(outcome.items_unknown, 20);
}

TEST_F(SittingTest, RetriesWhatPassesAndWaitsForTheScore) {
  api_.save_failures = {Unavailable("SESSION_AWAY", "later"),
                        ResourceExhausted("OVERLOADED", "later")};
  api_.report_failures = {Unavailable("SCORE_PENDING", "later", Seconds(5))};
  const SittingOutcome outcome = Run();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_GE(clock_.Monotonic(), Seconds(6));  // what the servers asked for
  const Measurements measured = meter_.Take();
  EXPECT_EQ(measured.retried.at("SESSION_AWAY"), 1);
  EXPECT_EQ(measured.retried.at("OVERLOADED"), 1);
  EXPECT_EQ(measured.retried.at("SCORE_PENDING"), 1);
}

TEST_F(SittingTest, GivesUpOnWhatDoesNotPass) {
  api_.save_failures = {FailedPrecondition("SESSION_SEALED", "sealed")};
  EXPECT_EQ(ReasonOf(Run().status), "SESSION_SEALED");
}

TEST_F(SittingTest, GivesUpAfterAMinute) {
  for (int i = 0; i < 1000; ++i) api_.save_failures.push_back(Unavailable("AWAY", "later"));
  EXPECT_EQ(ReasonOf(Run().status), "AWAY");
  EXPECT_LE(clock_.Monotonic(), Seconds(62));
}

TEST_F(SittingTest, FindsAcknowledgedResponsesThatWereLost) {
  api_.forget_saves = true;
  const SittingOutcome outcome = Run();
  EXPECT_THAT(outcome.lost, SizeIs(20));
  EXPECT_THAT(outcome.lost, Each(HasSubstr("is not in the receipt")));
  const Summary summary = Summarise({outcome}, meter_.Take(), Seconds(1));
  EXPECT_FALSE(summary.Clean());
  EXPECT_THAT(SummaryText(summary, {outcome}), HasSubstr("LOST"));
}

TEST_F(SittingTest, ReportsMissingResponsesAsLostAndStillFinishes) {
  api_.submit_failures = {FailedPrecondition("RESPONSES_MISSING", "send again")};
  const SittingOutcome outcome = Run();
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_THAT(outcome.lost, SizeIs(1));
}

class PartsSittingTest : public SittingTest {
 protected:
  PartsSittingTest() {
    // An agreement, fourteen items, a break, six more that only go forward, and a survey.
    for (int i = 0; i < 20; ++i) {
      api_.session.mutable_items(i)->set_position(static_cast<uint32_t>(i + 1));
    }
    Part(session::v1::PART_KIND_AGREEMENT, 0, 0);
    Part(session::v1::PART_KIND_SECTION, 1, 14)->set_edit_quota(1);
    Part(session::v1::PART_KIND_BREAK, 0, 0);
    Part(session::v1::PART_KIND_SECTION, 15, 6)
        ->set_navigation(session::v1::NAVIGATION_FORWARD_ONLY);
    Part(session::v1::PART_KIND_SURVEY, 0, 0);
  }
  session::v1::Part* Part(session::v1::PartKind kind, uint32_t first, uint32_t count) {
    auto* part = api_.session.add_parts();
    part->set_kind(kind);
    part->set_first_position(first);
    part->set_item_count(count);
    return part;
  }
};

TEST_F(PartsSittingTest, WalksThroughEveryPart) {
  api_.move_failures = {Unavailable("AWAY", "later")};
  const SittingOutcome outcome = Run();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_THAT(outcome.lost, IsEmpty());
  EXPECT_THAT(api_.Stored(), SizeIs(20));
  EXPECT_TRUE(outcome.report.has_value());
  ASSERT_THAT(api_.left, SizeIs(3));
  EXPECT_TRUE(api_.left[0].accept());
  EXPECT_EQ(api_.left[1].seen_size(), 14) << "the section was left with all it has";
  const Measurements measured = meter_.Take();
  EXPECT_EQ(measured.latency_ms[static_cast<size_t>(CallKind::kMove)].size(), 4u);
  EXPECT_EQ(measured.retried.at("AWAY"), 1);
}

TEST_F(PartsSittingTest, IsCheckedInByStaff) {
  api_.check_in_required = true;
  EXPECT_EQ(ReasonOf(Run().status), "CHECK_IN_REQUIRED") << "nobody is there to do it";
  staff_token_ = "staff";
  const SittingOutcome outcome = Run();
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
}

TEST_F(PartsSittingTest, FindsWhatIsLostWhenAPartIsLeft) {
  api_.move_failures = {absl::OkStatus(), FailedPrecondition("RESPONSES_MISSING", "send again")};
  const SittingOutcome outcome = Run();
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  ASSERT_THAT(outcome.lost, SizeIs(1));
  EXPECT_THAT(outcome.lost[0], HasSubstr("when a part was left"));
}

SittingOutcome Finished(double theta, int score) {
  SittingOutcome outcome;
  outcome.subject = "c";
  outcome.theta = theta;
  auto& report = outcome.report.emplace();
  report.set_scaled_score(score);
  report.set_passed(score >= 700);
  report.set_cut_score(700);
  return outcome;
}

TEST(Summary, CountsAndDescribes) {
  std::vector<SittingOutcome> outcomes = {Finished(-1, 500), Finished(0, 600), Finished(1, 700)};
  SittingOutcome failed;
  failed.subject = "d";
  failed.status = Unavailable("AWAY", "gone; come back");
  outcomes.push_back(failed);
  const Summary summary = Summarise(outcomes, {}, Seconds(2));
  EXPECT_EQ(summary.finished, 3);
  EXPECT_EQ(summary.passed, 1);
  EXPECT_DOUBLE_EQ(summary.mean_score, 600);
  EXPECT_DOUBLE_EQ(summary.sd_score, 100);
  EXPECT_DOUBLE_EQ(summary.correlation, 1);
  EXPECT_EQ(summary.failures.at("AWAY"), 1);
  EXPECT_THAT(summary.histogram, SizeIs(5));  // 500, 550, 600, 650, 700
  EXPECT_FALSE(summary.Clean());
  const std::string text = SummaryText(summary, outcomes);
  EXPECT_THAT(text, HasSubstr("3 of 4 candidates finished in 2.0 s"));
  EXPECT_THAT(text, HasSubstr("(700 passes)"));
  EXPECT_THAT(text, HasSubstr("failed  d (session none): gone; come back (AWAY)"));
}

TEST(Summary, JsonHasARowPerCandidate) {
  const std::vector<SittingOutcome> outcomes = {Finished(0.25, 712)};
  const auto json = nlohmann::json::parse(
      SummaryJson(Summarise(outcomes, {}, Seconds(1)), outcomes, "{\"x\":1}"));
  EXPECT_EQ(json["candidateCount"], 1);
  EXPECT_EQ(json["candidates"][0]["scaledScore"], 712);
  EXPECT_EQ(json["candidates"][0]["passed"], true);
  EXPECT_EQ(json["candidates"][0]["theta"], 0.25);
  EXPECT_EQ(json["report"]["x"], 1);
  EXPECT_EQ(json["lostResponses"], 0);
  EXPECT_FALSE(json["latencyMs"].contains("move")) << "one section";
}

TEST(Percentile, IsTheNearestRank) {
  EXPECT_EQ(Percentile({}, 0.5), 0);
  EXPECT_EQ(Percentile({3}, 0.99), 3);
  EXPECT_EQ(Percentile({4, 1, 3, 2}, 0.5), 2);
  EXPECT_EQ(Percentile({4, 1, 3, 2}, 0.99), 4);
}

}  // namespace
}  // namespace invigil::cli
