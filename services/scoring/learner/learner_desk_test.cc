#include "services/scoring/learner/learner_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>

#include "common/error/error.h"
#include "common/rpc/executor.h"
#include "common/testing/temp_dir.h"
#include "services/scoring/domain/testing.h"
#include "services/scoring/rpc/scorer.h"
#include "services/scoring/store/sql_score_store.h"

namespace invigil::scoring {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Time kStart = FromUnixMicros(1'800'000'000'000'000);

// A bank of forms: "form-0", "form-1" and so on of new items each; "short" has ten.
class Bank final : public KeySource {
 public:
  void Fetch(const std::string& form_id, Duration, const telemetry::TraceContext&,
             Done done) override {
    done(Key(form_id));
  }
  std::shared_ptr<const ScoringKey> Key(const std::string& form_id) {
    auto& key = keys_[form_id];
    if (key) return key;
    Random random(41);
    const auto base = testing::RandomItems(random, 50);
    const bool is_short = form_id == "short";
    auto made = testing::MakeKey(
        is_short ? testing::RandomItems(random, 10) : testing::RandomItems(random, 50), base, 35,
        is_short ? 0 : 15);
    made.form_id = form_id;
    made.disclaimer = "A practice estimate.";
    for (size_t i = 0; i < made.items.size(); ++i) {
      made.items[i].bank_item_id = form_id + "-" + std::to_string(i);
      made.items[i].bank_item_version = 1;
    }
    key = std::make_shared<const ScoringKey>(std::move(made));
    return key;
  }

 private:
  std::map<std::string, std::shared_ptr<const ScoringKey>> keys_;
};

class LearnerDeskTest : public ::testing::Test {
 protected:
  ScoreRecord Sit(const std::string& session, const std::string& form, uint32_t right,
                  const std::string& learner = "ann", SittingKind kind = SittingKind::kPractice,
                  bool held = false) {
    std::promise<absl::StatusOr<ScoreRecord>> promise;
    const Time start = kStart + ++sat_ * Seconds(86'400);
    scorer_.ScoreSession({.session_id = session,
                          .attempt_version = 1,
                          .form_id = form,
                          .responses = testing::Answers(*bank_.Key(form), right, true),
                          .sitting = SittingRecord{.session_id = {},
                                                   .learner = LearnerDigest(learner),
                                                   .exam_id = {},
                                                   .kind = kind,
                                                   .start = start,
                                                   .end = start + Seconds(3600),
                                                   .held = held,
                                                   .shown = {}},
                          .time_left = [] { return Seconds(10); },
                          .trace = {}},
                         [&](auto scored) { promise.set_value(std::move(scored)); });
    const auto record = promise.get_future().get();
    EXPECT_TRUE(record.ok()) << record.status();
    return *record;
  }
  absl::StatusOr<v1::Readiness> Ready(const Asker& asker, const std::string& learner = "") {
    v1::GetReadinessRequest request;
    request.set_learner_id(learner);
    request.set_exam_id("CLF-C02");
    auto response = desk_.GetReadiness(asker, request);
    if (!response.ok()) return response.status();
    return response->readiness();
  }

  invigil::testing::TempDir dir_;
  Bank bank_;
  std::unique_ptr<ScoringStore> store_ = OpenSqlScoreStore({.location = dir_.Path("s.db")}).value();
  rpc::Executor executor_{"test", 2, 100};
  SystemClock clock_;
  KeyRing ring_{bank_, *store_};
  Scorer scorer_{bank_, ring_, *store_, executor_, clock_};
  LearnerDesk desk_{{.scores = *store_, .sittings = *store_, .ring = ring_, .clock = clock_}};
  const Asker ann_{.subject = "ann"}, bob_{.subject = "bob"},
      staff_{.subject = "petra", .session_id = {}, .staff = true};
  int sat_ = 0;
};

TEST_F(LearnerDeskTest, GivesALearnerOwnReadinessOnly) {
  for (int i = 0; i < 5; ++i) {
    Sit("s" + std::to_string(i), "form-" + std::to_string(i), 46);
  }
  const auto own = Ready(ann_);
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(own->verdict(), v1::READINESS_VERDICT_READY) << own->ShortDebugString();
  EXPECT_EQ(own->basis().disclaimer(), "A practice estimate.");
  EXPECT_TRUE(own->basis().practice_estimate());
  EXPECT_TRUE(own->basis().low_evidence()) << "the items rest on a judgement";
  EXPECT_EQ(ReasonOf(Ready(bob_).status()), "NO_SESSIONS");
  EXPECT_EQ(ReasonOf(Ready(bob_, "ann").status()), "LEARNER_NOT_YOU");
  EXPECT_EQ(ReasonOf(Ready({.subject = "ann", .session_id = "s1"}).status()), "LEARNER_NOT_YOU");
  EXPECT_EQ(Ready(staff_, "ann")->SerializeAsString(), own->SerializeAsString());
}

TEST_F(LearnerDeskTest, RepeatedItemsNeverMakeReady) {
  for (int i = 0; i < 5; ++i) Sit("s" + std::to_string(i), "form-1", 50);
  const auto readiness = Ready(ann_);
  EXPECT_EQ(readiness->verdict(), v1::READINESS_VERDICT_NOT_ENOUGH_EVIDENCE);
  EXPECT_EQ(readiness->sessions(4).exclusion(), "REPEATED_ITEMS");
}

TEST_F(LearnerDeskTest, AHeldResultIsNotToldInAnyWay) {
  Sit("s1", "form-1", 50, "ann", SittingKind::kDiagnostic, true);
  EXPECT_EQ(Ready(ann_)->sessions(0).exclusion(), "RESULT_HELD");
  v1::GetDiagnosticRequest request;
  request.set_session_id("s1");
  EXPECT_EQ(ReasonOf(desk_.GetDiagnostic(ann_, request).status()), "RESULT_HELD");
  v1::GetMissesRequest misses;
  misses.set_session_id("s1");
  EXPECT_EQ(desk_.GetMisses(ann_, misses)->exposure(), v1::KEY_EXPOSURE_NOTHING);
}

TEST_F(LearnerDeskTest, DiagnosesTenAnswers) {
  Sit("s1", "short", 6, "anonymous-1", SittingKind::kDiagnostic);
  v1::GetDiagnosticRequest request;
  request.set_session_id("s1");
  EXPECT_EQ(ReasonOf(desk_.GetDiagnostic(ann_, request).status()), "LEARNER_NOT_YOU");
  const auto answer = desk_.GetDiagnostic({.subject = "anonymous-1", .session_id = "s1"}, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  const v1::Diagnostic& diagnostic = answer->diagnostic();
  EXPECT_EQ(diagnostic.items(), 10u);
  EXPECT_EQ(diagnostic.right(), 6u);
  EXPECT_LT(diagnostic.exam_percent_low(), diagnostic.exam_percent());
  EXPECT_GT(diagnostic.exam_percent_high(), diagnostic.exam_percent());
  EXPECT_EQ(diagnostic.weakest_domain_id(), "") << "ten answers do not name one";
  EXPECT_THAT(diagnostic.weakest_text(), HasSubstr("enough evidence"));
  EXPECT_TRUE(diagnostic.basis().practice_estimate());
  // An account claims it.
  v1::AssignSessionsRequest claim;
  claim.add_session_ids("s1");
  claim.add_session_ids("never-heard-of");
  claim.set_learner_id("ann");
  ASSERT_TRUE(desk_.AssignSessions(claim).ok());
  EXPECT_TRUE(desk_.GetDiagnostic(ann_, request).ok());
  Sit("s2", "form-1", 30);
  EXPECT_EQ(ReasonOf(desk_
                         .GetDiagnostic(ann_,
                                        [] {
                                          v1::GetDiagnosticRequest other;
                                          other.set_session_id("s2");
                                          return other;
                                        }())
                         .status()),
            "NOT_DIAGNOSTIC");
}

TEST_F(LearnerDeskTest, NotesOnMissesKeepTheKeyOfExams) {
  Sit("practice", "form-1", 40);
  Sit("exam", "form-2", 40, "ann", SittingKind::kExam);
  v1::GetMissesRequest request;
  request.set_session_id("practice");
  EXPECT_EQ(desk_.GetMisses(ann_, request)->exposure(), v1::KEY_EXPOSURE_COUNTS);
  EXPECT_EQ(desk_.GetMisses(ann_, request)->misses_size(), 10);
  EXPECT_EQ(ReasonOf(desk_.GetMisses(bob_, request).status()), "LEARNER_NOT_YOU");
  request.set_session_id("exam");
  const auto exam = desk_.GetMisses(ann_, request);
  EXPECT_EQ(exam->exposure(), v1::KEY_EXPOSURE_NOTHING);
  EXPECT_THAT(exam->misses(), IsEmpty());
  EXPECT_THAT(exam->counts(), IsEmpty());
  request.set_session_id("nobody's");
  EXPECT_EQ(ReasonOf(desk_.GetMisses(ann_, request).status()), "SCORE_NOT_FOUND");
}

TEST_F(LearnerDeskTest, PlansAndWeighs) {
  Sit("s1", "form-1", 35);
  v1::GetStudyPlanRequest plan;
  plan.set_exam_id("CLF-C02");
  plan.set_minutes(90);
  const auto planned = desk_.GetStudyPlan(ann_, plan);
  ASSERT_TRUE(planned.ok()) << planned.status();
  uint32_t minutes = 0;
  for (const auto& domain : planned->plan().domains()) minutes += domain.minutes();
  EXPECT_EQ(minutes, 90u);
  plan.set_minutes(100'001);
  EXPECT_EQ(ReasonOf(desk_.GetStudyPlan(ann_, plan).status()), "LEARNER_REQUEST_INVALID");
  v1::GetWhatIfRequest what;
  what.set_exam_id("CLF-C02");
  const auto changes = desk_.GetWhatIf(ann_, what);
  ASSERT_TRUE(changes.ok()) << changes.status();
  EXPECT_EQ(changes->points(), 10);
  for (const auto& domain : changes->domains()) EXPECT_GT(domain.probability_change(), 0);
  what.set_points(101);
  EXPECT_EQ(ReasonOf(desk_.GetWhatIf(ann_, what).status()), "LEARNER_REQUEST_INVALID");
}

TEST_F(LearnerDeskTest, FitsThePriorToItsOwnLearners) {
  v1::RefitPriorRequest request;
  request.set_exam_id("CLF-C02");
  Sit("s-first", "form-0", 30, "first");
  EXPECT_EQ(ReasonOf(desk_.RefitPrior(request).status()), "POPULATION_TOO_SMALL");
  for (int i = 0; i < 31; ++i) {
    const std::string n = std::to_string(i);
    Sit("s" + n, "form-1", static_cast<uint32_t>(20 + i % 20), "learner-" + n);
  }
  const auto fitted = desk_.RefitPrior(request);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_EQ(fitted->learners(), 32u);
  EXPECT_LT(fitted->sd(), 1.5);
  const auto readiness = Ready(staff_, "learner-3");
  EXPECT_EQ(readiness->basis().prior_learners(), 32u);
  EXPECT_DOUBLE_EQ(readiness->basis().prior_mean(), fitted->mean());
  EXPECT_EQ(desk_.RefitPrior(request)->mean(), fitted->mean()) << "whatever was fitted before";
}

}  // namespace
}  // namespace invigil::scoring
