#include "services/scoring/reports/report_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "common/error/error.h"
#include "common/testing/temp_dir.h"
#include "services/scoring/domain/testing.h"
#include "services/scoring/rpc/scorer.h"
#include "services/scoring/store/sql_score_store.h"

namespace invigil::scoring::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class OneForm final : public KeySource {
 public:
  OneForm() {
    Random random(41);
    const auto items = testing::RandomItems(random, 50);
    ScoringKey key = testing::MakeKey(items, items, 35, 15);
    for (size_t i = 0; i < key.items.size(); ++i) {
      key.items[i].bank_item_id = "bank-" + std::to_string(i);
      key.items[i].bank_item_version = 1;
    }
    key_ = std::make_shared<const ScoringKey>(std::move(key));
  }
  void Fetch(const std::string&, Duration, const telemetry::TraceContext&, Done done) override {
    done(key_);
  }
  std::shared_ptr<const ScoringKey> key_;
};

class ReportDeskTest : public ::testing::Test {
 protected:
  void Sit(const std::string& session, uint32_t right, bool pretest_right = true) {
    std::promise<absl::StatusOr<ScoreRecord>> promise;
    scorer_.ScoreSession({.session_id = session,
                          .attempt_version = 1,
                          .form_id = "form-1",
                          .responses = testing::Answers(*bank_.key_, right, pretest_right),
                          .time_left = [] { return Seconds(10); },
                          .trace = {}},
                         [&](auto scored) { promise.set_value(std::move(scored)); });
    const auto scored = promise.get_future().get();
    ASSERT_TRUE(scored.ok()) << scored.status();
  }
  std::string Page(const std::string& session, bool pass_fail_only = false) {
    v1::RenderScoreReportRequest request;
    request.set_session_id(session);
    request.set_pass_fail_only(pass_fail_only);
    const auto page = desk_.RenderScoreReport(request);
    EXPECT_TRUE(page.ok()) << page.status();
    return page->html();
  }

  invigil::testing::TempDir dir_;
  OneForm bank_;
  std::unique_ptr<ScoringStore> store_ = OpenSqlScoreStore({.location = dir_.Path("s.db")}).value();
  rpc::Executor executor_{"test", 2, 100};
  ManualClock clock_{FromUnixMicros(1'800'000'000'000'000)};
  KeyRing ring_{bank_, *store_};
  Scorer scorer_{bank_, ring_, *store_, executor_, clock_};
  ReportDesk desk_{*store_, *store_, ring_, 3};
};

TEST_F(ReportDeskTest, PagesTellNoKeyNoItemAndNothingOfItemsOnTrial) {
  Sit("session-a", 40, true);
  Sit("session-b", 40, false);
  std::string a = Page("session-a");
  const std::string b = Page("session-b");
  for (const char* word :
       {"bank-", "item1", "pretest", "operational", "option", "slope", "theta"}) {
    EXPECT_THAT(a, Not(HasSubstr(word)));
  }
  a.replace(a.find("session-a"), 9, "session-b");
  EXPECT_EQ(a, b) << "answers to items on trial change no byte";
  EXPECT_THAT(a, HasSubstr("Practice estimate"));
  EXPECT_THAT(Page("session-a", true), Not(HasSubstr("Scaled score")));
}

TEST_F(ReportDeskTest, CohortsCountWhoIsAskedFor) {
  for (const uint32_t right : {20u, 40u, 45u}) Sit("s" + std::to_string(right), right);
  v1::GetCohortReportRequest request;
  request.set_exam_id("CLF-C02");
  request.set_html(true);
  const auto all = desk_.GetCohortReport(request);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->report().sessions(), 3u);
  EXPECT_EQ(all->report().passed(), 2u);
  EXPECT_TRUE(all->report().has_alpha());
  EXPECT_EQ(all->report().cut_score(), 700);
  EXPECT_THAT(all->html(), HasSubstr("cohort report"));
  EXPECT_EQ(all->report().sessions_left_out(), 0u);
  Sit("s46", 46);
  EXPECT_EQ(desk_.GetCohortReport(request)->report().sessions_left_out(), 1u);
  request.set_form_id("form-1");
  EXPECT_THAT(desk_.GetCohortReport(request)->html(), HasSubstr("form report"));
  request.set_form_id("form-2");
  EXPECT_EQ(ReasonOf(desk_.GetCohortReport(request).status()), "NO_SESSIONS");
  request.clear_form_id();
  request.mutable_scored_from()->set_seconds(1'800'000'001);
  EXPECT_EQ(ReasonOf(desk_.GetCohortReport(request).status()), "NO_SESSIONS");
  request.clear_exam_id();
  EXPECT_EQ(ReasonOf(desk_.GetCohortReport(request).status()), "REPORT_REQUEST_INVALID");
}

}  // namespace
}  // namespace invigil::scoring::reports
