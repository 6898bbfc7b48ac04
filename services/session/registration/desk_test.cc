// The rules fed from real stores, sessions and all.
#include "services/session/registration/desk.h"

#include <gtest/gtest.h>

#include <string>

#include "common/error/error.h"
#include "invigil/session/v1/delivery.pb.h"
#include "services/session/engine/fixtures_for_test.h"
#include "services/session/registration/stores_for_test.h"

namespace invigil::session::registration {
namespace {

using fixtures::kStart;

class DeskTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto log = database_.OpenSessions();
    engine_ =
        std::make_unique<SessionEngine>(std::move(log), database_.OpenSessionsReader(), clock_);
    auto desk = Desk::Open(database_.locations());
    ASSERT_TRUE(desk.ok()) << desk.status();
    desk_ = *std::move(desk);
  }
  void Put(ExamPolicy policy) {
    policy.exam_id = "CLF-C02";
    ASSERT_TRUE(desk_->store().PutPolicy(policy, clock_.Now()).ok());
  }
  void Register(const std::string& id, uint32_t max_attempts = 1, Terms terms = {},
                std::optional<Time> closes = {}) {
    Row row;
    row.wanted.registration_id = id;
    row.wanted.candidate_id = "ann";
    row.wanted.exam_id = "CLF-C02";
    row.wanted.max_attempts = max_attempts;
    row.wanted.closes = closes;
    row.wanted.terms = terms;
    row.with_terms = true;
    ASSERT_TRUE(desk_->store()
                    .Once({"olga", "q-" + id, ""}, clock_.Now(),
                          [&]() -> absl::StatusOr<std::string> {
                            auto result = desk_->store().Provision(row, clock_.Now());
                            if (!result.ok()) return result.status();
                            return std::string();
                          })
                    .ok());
  }
  SessionId Reserve(const std::string& request, SessionKind kind = SessionKind::kExam) {
    StartRequest start{"ann", "CLF-C02", request};
    start.kind = kind;
    const auto reserved = fixtures::FindOrReserve(*engine_, start);
    EXPECT_TRUE(reserved.ok()) << reserved.status();
    return reserved->session;
  }
  // A sitting to its end, with its result.
  SessionId Sit(const std::string& request, std::optional<bool> passed, bool release = true,
                SessionKind kind = SessionKind::kExam) {
    const SessionId session = Reserve(request, kind);
    EXPECT_TRUE(desk_->Confirm(session, {"ann", "CLF-C02", kind}, clock_.Now()).ok());
    EXPECT_TRUE(fixtures::StartClock(*engine_, session).ok());
    clock_.Advance(Minutes(30));
    EXPECT_TRUE(fixtures::Ask(*engine_, session, Submit{1, {}}).ok());
    if (passed) {
      v1::GetScoreReportResponse report;
      report.set_session_id(session.ToHex());
      report.set_passed(*passed);
      RecordScore score{.score_version = 1,
                        .report = std::make_shared<const std::string>(report.SerializeAsString()),
                        .release = release};
      EXPECT_TRUE(fixtures::Ask(*engine_, session, std::move(score)).ok());
    }
    return session;
  }
  std::string Refused(SessionKind kind = SessionKind::kExam) {
    return ReasonOf(desk_->Admit({"ann", "CLF-C02", kind}, clock_.Now()).status());
  }

  const TestDatabase database_{GetParam()};
  ManualClock clock_{kStart};
  std::unique_ptr<SessionEngine> engine_;
  std::unique_ptr<Desk> desk_;
};

TEST_P(DeskTest, WithoutAPolicyWhoeverAsksMayStart) {
  const auto admission = desk_->Admit({"ann", "CLF-C02"}, clock_.Now());
  ASSERT_TRUE(admission.ok()) << admission.status();
  EXPECT_FALSE(admission->confirm);
  EXPECT_TRUE(admission->terms.none());
  EXPECT_FALSE(admission->closes);
  EXPECT_EQ(admission->window_policy, WindowPolicy::kAsExam);
}

TEST_P(DeskTest, ARegistrationAllowsItsSittings) {
  Put({.registration_required = true});
  EXPECT_EQ(Refused(), "NOT_REGISTERED");
  Register("r-1", 2);
  const SessionId first = Sit("q1", false);
  EXPECT_EQ(*desk_->store().SessionsOf("r-1"),
            std::vector<std::string>{std::string(first.bytes())});
  EXPECT_EQ(Refused(), "");
  const SessionId second = Sit("q2", true);
  EXPECT_EQ(Refused(), "ATTEMPTS_USED_UP");
  Register("r-2");
  EXPECT_EQ(Refused(), "");
  // One that is declared not to count gives its sitting back.
  ASSERT_TRUE(desk_->store().Cancel("r-2", "moved", clock_.Now()).ok());
  EXPECT_EQ(Refused(), "ATTEMPTS_USED_UP");
  ASSERT_TRUE(fixtures::Ask(*engine_, second, Void{.reason = "fire alarm"}).ok());
  EXPECT_EQ(Refused(), "");
}

TEST_P(DeskTest, AReservedSessionCanBeConfirmedAgainAndAgain) {
  Put({.registration_required = true});
  Register("r-1");
  const SessionId session = Reserve("q1");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(desk_->Confirm(session, {"ann", "CLF-C02"}, clock_.Now()).ok());
    EXPECT_EQ(Refused(), "") << "what never began is no sitting";
  }
}

TEST_P(DeskTest, AReservedSessionThatBeganMeanwhileIsNoOtherAttempt) {
  Put({.registration_required = true, .wait_days_after_fail = 1, .caps = {{1, 0}}});
  Register("r-1");
  const SessionId session = Reserve("q1");
  ASSERT_TRUE(desk_->Confirm(session, {"ann", "CLF-C02"}, clock_.Now()).ok());
  ASSERT_TRUE(fixtures::StartClock(*engine_, session).ok());
  // Another start of the same session asks now, also when all of it is over.
  EXPECT_TRUE(desk_->Confirm(session, {"ann", "CLF-C02"}, clock_.Now()).ok());
  clock_.Advance(Minutes(91));
  EXPECT_TRUE(desk_->Confirm(session, {"ann", "CLF-C02"}, clock_.Now()).ok());
  Register("r-2");
  const auto other = Reserve("q2");
  EXPECT_EQ(ReasonOf(desk_->Confirm(other, {"ann", "CLF-C02"}, clock_.Now()).status()),
            "ATTEMPTS_USED_UP");
}

TEST_P(DeskTest, TheWindowOfARegistrationThatIsUsedIsToldThoughNoneIsRequired) {
  const Time closes = clock_.Now() + Minutes(60);
  Put({.window_policy = WindowPolicy::kLimitsStart});
  Register("r-1", 1, {}, closes);
  auto admission = desk_->Admit({"ann", "CLF-C02"}, clock_.Now());
  ASSERT_TRUE(admission.ok()) << admission.status();
  EXPECT_EQ(admission->closes, closes);
  EXPECT_EQ(admission->window_policy, WindowPolicy::kLimitsStart);
  clock_.Set(closes);
  EXPECT_FALSE(desk_->Admit({"ann", "CLF-C02"}, clock_.Now())->closes) << "none is used";
}

TEST_P(DeskTest, AZoneThatThisMachineLacksStopsOnlyWhatCountsDays) {
  Put({.registration_required = true, .time_zone = "Mars/Olympus"});
  EXPECT_EQ(Refused(), "NOT_REGISTERED");
  Register("r-1");
  EXPECT_EQ(Refused(), "");
  for (const ExamPolicy& policy :
       {ExamPolicy{.wait_days_after_fail = 1, .time_zone = "Mars/Olympus"},
        ExamPolicy{.wait_days_after_pass = 1, .time_zone = "Mars/Olympus"},
        ExamPolicy{.caps = {{1, 1}}, .time_zone = "Mars/Olympus"}}) {
    Put(policy);
    const absl::Status refused = desk_->Admit({"ann", "CLF-C02"}, clock_.Now()).status();
    EXPECT_EQ(ReasonOf(refused), "TIME_ZONE_UNKNOWN");
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
    EXPECT_NE(refused.message().find("install tzdata here and restart invigil-session"),
              std::string::npos)
        << refused;
    EXPECT_EQ(Refused(SessionKind::kPractice), "");
  }
}

TEST_P(DeskTest, ResultsDecideHowLongToWait) {
  Put({.wait_days_after_fail = 14, .wait_days_after_pass = 730});
  Sit("q1", std::nullopt);
  EXPECT_EQ(Refused(), "RETAKE_TOO_EARLY");
  clock_.Advance(std::chrono::hours(24 * 14));
  EXPECT_EQ(Refused(), "");
  Sit("q2", true, false);
  clock_.Advance(std::chrono::hours(24 * 14));
  EXPECT_EQ(Refused(), "") << "a result that is held back shows in nothing";
  Sit("q3", true);
  clock_.Advance(std::chrono::hours(24 * 14));
  EXPECT_EQ(Refused(), "RETAKE_TOO_EARLY");
  clock_.Advance(std::chrono::hours(24 * 716));
  EXPECT_EQ(Refused(), "");
}

TEST_P(DeskTest, ASittingIsOverWhenItsTimeIsThoughNobodyLooked) {
  Put({.wait_days_after_fail = 1});
  ASSERT_TRUE(fixtures::StartClock(*engine_, Reserve("q1")).ok());
  EXPECT_EQ(Refused(), "") << "it runs; the start will find it";
  clock_.Advance(Minutes(91));
  EXPECT_EQ(Refused(), "RETAKE_TOO_EARLY");
}

TEST_P(DeskTest, PracticeNeverCountsAndIsNeverRefused) {
  Put({.registration_required = true, .wait_days_after_fail = 14, .caps = {{1, 0}}});
  for (const SessionKind kind : {SessionKind::kPractice, SessionKind::kDiagnostic}) {
    Sit(kind == SessionKind::kPractice ? "p1" : "d1", true, true, kind);
    EXPECT_EQ(Refused(kind), "");
  }
  Register("r-1");
  EXPECT_EQ(Refused(), "");
  Sit("q1", false);
  Register("r-2");
  const auto decision = desk_->Decide({"ann", "CLF-C02"}, clock_.Now());
  ASSERT_TRUE(decision.ok()) << decision.status();
  ASSERT_EQ(decision->verdict.reasons.size(), 2u);
  EXPECT_EQ(decision->verdict.reasons[0].reason, Reason::kAttemptsUsedUp);
  EXPECT_EQ(decision->verdict.reasons[1].reason, Reason::kRetakeTooEarly);
  EXPECT_EQ(Refused(SessionKind::kPractice), "");
}

TEST_P(DeskTest, OtherCandidatesAndExamsAreTheirOwn) {
  Put({.wait_days_after_fail = 14});
  Sit("q1", false);
  EXPECT_EQ(Refused(), "RETAKE_TOO_EARLY");
  EXPECT_TRUE(desk_->Admit({"bob", "CLF-C02"}, clock_.Now()).ok());
  EXPECT_TRUE(desk_->Admit({"ann", "SAA-C03"}, clock_.Now()).ok());
}

TEST_P(DeskTest, GrantsOfTheCandidateAndOfTheRegistrationAddUp) {
  const Time closes = clock_.Now() + Minutes(60);
  Put({.registration_required = true, .window_policy = WindowPolicy::kLimitsEnd});
  Register("r-1", 1, {125, 30, 0}, closes);
  ASSERT_TRUE(
      desk_->store()
          .PutStanding({"ann", {150, 0, 10}, clock_.Now() + Minutes(1), "approved"}, clock_.Now())
          .ok());
  auto admission = desk_->Admit({"ann", "CLF-C02"}, clock_.Now());
  ASSERT_TRUE(admission.ok()) << admission.status();
  EXPECT_EQ(admission->terms, (Terms{150, 30, 10}));
  EXPECT_EQ(admission->closes, closes);
  EXPECT_EQ(admission->window_policy, WindowPolicy::kLimitsEnd);
  EXPECT_TRUE(admission->confirm);
  const auto practice = desk_->Admit({"ann", "CLF-C02", SessionKind::kPractice}, clock_.Now());
  EXPECT_EQ(practice->terms, (Terms{150, 0, 10}));
  EXPECT_FALSE(practice->closes);
  clock_.Advance(Minutes(1));
  EXPECT_EQ(desk_->Admit({"ann", "CLF-C02"}, clock_.Now())->terms, (Terms{125, 30, 0}));
}

INSTANTIATE_TEST_SUITE_P(Databases, DeskTest, kTestStores, TestStore::Name);

}  // namespace
}  // namespace invigil::session::registration
