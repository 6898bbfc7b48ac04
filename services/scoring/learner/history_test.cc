#include "services/scoring/learner/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/scoring/domain/testing.h"
#include "services/scoring/learner/estimates.h"
#include "services/scoring/learner/learner_convert.h"
#include "services/scoring/learner/miss_notes.h"

namespace invigil::scoring {
namespace {

using testing::Answers;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Time kStart = FromUnixMicros(1'800'000'000'000'000);
constexpr Duration kDay = Seconds(86'400);

// A form of new items; forms of the same number show the same ones.
std::shared_ptr<const ScoringKey> Form(int number, size_t operational = 50) {
  Random random(41);
  const auto base = testing::RandomItems(random, 50);
  auto key = testing::MakeKey({base.begin(), base.begin() + static_cast<ptrdiff_t>(operational)},
                              base, 35, 15);
  for (size_t i = 0; i < key.items.size(); ++i) {
    key.items[i].bank_item_id = "f" + std::to_string(number) + "-" + std::to_string(i);
    key.items[i].task_id = key.items[i].domain_id + ".1";
  }
  for (DomainDefinition& domain : key.domains) {
    domain.tasks = {{domain.domain_id + ".1", "First"}, {domain.domain_id + ".2", "Second"}};
  }
  return std::make_shared<const ScoringKey>(std::move(key));
}

Sitting Sat(int day, int form, uint32_t right, bool pretest_right = true) {
  auto key = Form(form);
  Sitting sitting{.record = {.session_id = "session-" + std::to_string(day),
                             .attempt_version = 1,
                             .learner = "ann",
                             .exam_id = "CLF-C02",
                             .kind = SittingKind::kPractice,
                             .start = kStart + day * kDay,
                             .end = kStart + day * kDay + Seconds(3600)},
                  .key = key,
                  .responses = Answers(*key, right, pretest_right)};
  sitting.form_error = FormError(*key);
  return sitting;
}

v1::Readiness Ready(const std::vector<Sitting>& sittings) {
  const History history = HistoryOf(sittings, "CLF-C02");
  const auto model = ModelFor(*history.exam, OptionsFor(*history.exam, std::nullopt));
  EXPECT_TRUE(model.ok()) << model.status();
  const auto readiness = EstimateReadiness(history, *model, std::nullopt);
  EXPECT_TRUE(readiness.ok()) << readiness.status();
  v1::Readiness out;
  FillReadiness(*readiness, *history.exam, *model, &out);
  return out;
}

TEST(History, FiveGoodSessionsOnNewItemsAreReady) {
  std::vector<Sitting> sittings;
  for (int day = 0; day < 5; ++day) sittings.push_back(Sat(day, day, 45));
  const v1::Readiness readiness = Ready(sittings);
  EXPECT_EQ(readiness.verdict(), v1::READINESS_VERDICT_READY) << readiness.ShortDebugString();
  EXPECT_THAT(readiness.needs(), IsEmpty());
  EXPECT_GT(readiness.probability(), 0.9);
  EXPECT_GT(readiness.probability_unadjusted(), readiness.probability());
  EXPECT_LE(readiness.probability_low(), readiness.probability());
  EXPECT_DOUBLE_EQ(readiness.band(), 750);
  EXPECT_EQ(readiness.in_band(), 5u);
  ASSERT_EQ(readiness.sessions_size(), 5);
  for (const auto& session : readiness.sessions()) EXPECT_EQ(session.exclusion(), "");
}

TEST(History, FiveSittingsOfTheSameItemsAreNot) {
  std::vector<Sitting> sittings;
  for (int day = 0; day < 5; ++day) sittings.push_back(Sat(day, 0, 49));
  const v1::Readiness readiness = Ready(sittings);
  EXPECT_EQ(readiness.verdict(), v1::READINESS_VERDICT_NOT_ENOUGH_EVIDENCE);
  EXPECT_GT(readiness.needs_size(), 0);
  ASSERT_EQ(readiness.sessions_size(), 5);
  EXPECT_EQ(readiness.sessions(0).exclusion(), "");
  for (int i = 1; i < 5; ++i) {
    EXPECT_EQ(readiness.sessions(i).exclusion(), "REPEATED_ITEMS");
    EXPECT_THAT(readiness.sessions(i).explanation(), HasSubstr("seen before"));
    EXPECT_FALSE(readiness.sessions(i).has_scaled_score());
  }
}

TEST(History, OneSessionNeverIs) {
  EXPECT_EQ(Ready({Sat(0, 0, 50)}).verdict(), v1::READINESS_VERDICT_NOT_ENOUGH_EVIDENCE);
}

TEST(History, AnItemSeenAtAnotherExamIsNotNew) {
  std::vector<Sitting> sittings = {Sat(0, 0, 45), Sat(1, 0, 45)};
  sittings[0].record.exam_id = "OTHER";
  const v1::Readiness readiness = Ready(sittings);
  ASSERT_EQ(readiness.sessions_size(), 1);
  EXPECT_EQ(readiness.sessions(0).exclusion(), "REPEATED_ITEMS");
}

TEST(History, WhatWasStoppedShortOrHeldDoesNotCount) {
  std::vector<Sitting> sittings = {Sat(0, 0, 45), Sat(1, 1, 45), Sat(2, 2, 45), Sat(3, 3, 45),
                                   Sat(4, 4, 45)};
  sittings[0].record.clock_stops = 1;
  sittings[1].record.kind = SittingKind::kDiagnostic;
  sittings[2].record.held = true;
  sittings[3].record.start.reset();
  const v1::Readiness readiness = Ready(sittings);
  ASSERT_EQ(readiness.sessions_size(), 5);
  EXPECT_EQ(readiness.sessions(0).exclusion(), "PAUSED");
  EXPECT_EQ(readiness.sessions(1).exclusion(), "NOT_FULL_LENGTH");
  EXPECT_EQ(readiness.sessions(2).exclusion(), "RESULT_HELD");
  EXPECT_FALSE(readiness.sessions(2).has_scaled_score());
  EXPECT_EQ(readiness.sessions(3).exclusion(), "NOT_TIMED");
  EXPECT_EQ(readiness.sessions(4).exclusion(), "");
  for (int i = 0; i < 4; ++i) EXPECT_NE(readiness.sessions(i).explanation(), "");
}

TEST(History, PretestAnswersChangeNoByte) {
  const std::vector<Sitting> right = {Sat(0, 0, 40), Sat(1, 1, 41), Sat(2, 2, 42)};
  const std::vector<Sitting> wrong = {Sat(0, 0, 40, false), Sat(1, 1, 41, false),
                                      Sat(2, 2, 42, false)};
  ASSERT_NE(right[0].responses, wrong[0].responses);
  EXPECT_EQ(Ready(right).SerializeAsString(), Ready(wrong).SerializeAsString());
}

TEST(Plan, SpendsTheBudgetDownToTasks) {
  const std::vector<Sitting> sittings = {Sat(0, 0, 30), Sat(1, 1, 30)};
  const History history = HistoryOf(sittings, "CLF-C02");
  const auto model = ModelFor(*history.exam, OptionsFor(*history.exam, std::nullopt));
  const auto plan = MakePlan(history, *model, 600);
  ASSERT_TRUE(plan.ok()) << plan.status();
  v1::StudyPlan out;
  FillPlan(*plan, *history.exam, &out);
  uint32_t minutes = 0;
  ASSERT_EQ(out.domains_size(), 4);
  for (const auto& domain : out.domains()) {
    minutes += domain.minutes();
    ASSERT_EQ(domain.tasks_size(), 2) << domain.domain_id();
    EXPECT_EQ(domain.tasks(0).minutes() + domain.tasks(1).minutes(), domain.minutes());
    EXPECT_TRUE(domain.has_signal());
  }
  EXPECT_EQ(minutes, 600u);
  // The first 30 of the form are right: what is behind comes last.
  EXPECT_GT(out.domains(2).believed_gap(), out.domains(0).believed_gap());
  EXPECT_TRUE(out.domains(3).signal().drags() || out.domains(2).signal().drags());
}

TEST(WhatIf, GoesByTheWeightOfTheDomain) {
  const std::vector<Sitting> sittings = {Sat(0, 0, 35), Sat(1, 1, 35), Sat(2, 2, 35)};
  const History history = HistoryOf(sittings, "CLF-C02");
  const auto model = ModelFor(*history.exam, OptionsFor(*history.exam, std::nullopt));
  const auto readiness = model->Estimate(history.sessions);
  const auto changes = MakeWhatIf(history, *model, *readiness, 5);
  ASSERT_TRUE(changes.ok()) << changes.status();
  // Security against billing: 15 questions against 6.
  EXPECT_NEAR((*changes)[1].probability_change / (*changes)[3].probability_change, 2.5, 0.25);
}

TEST(Misses, TreatItemsOnTrialAlikeAndKeepTheKey) {
  const Sitting sitting = Sat(0, 0, 40, false);
  const auto notes = NotesOf(sitting, KeyExposure::kCounts);
  ASSERT_TRUE(notes.ok()) << notes.status();
  EXPECT_EQ(notes->misses.size(), 25u) << "ten that count, fifteen on trial";
  v1::GetMissesResponse out;
  FillMisses(*notes, KeyExposure::kCounts, &out);
  for (const auto& miss : out.misses()) {
    EXPECT_THAT(miss.own_right(), IsEmpty());
    EXPECT_THAT(miss.own_wrong(), IsEmpty());
  }
  const auto none = NotesOf(sitting, KeyExposure::kNothing);
  EXPECT_THAT(none->misses, IsEmpty());
  EXPECT_THAT(none->counts, IsEmpty());
}

TEST(Misses, KnowWhereTheLearnerStopped) {
  Sitting sitting = Sat(0, 0, 50);
  sitting.responses.resize(60);  // in order of items: the last five were not reached
  sitting.responses[3].option_ids.clear();
  const auto notes = NotesOf(sitting, KeyExposure::kCounts);
  ASSERT_EQ(notes->misses.size(), 6u);
  EXPECT_EQ(notes->misses[0].kind, MissKind::kOmitted);
  EXPECT_EQ(notes->misses[0].position, 4u);
  EXPECT_EQ(notes->misses[5].kind, MissKind::kNotReached);
  EXPECT_EQ(notes->counts[0], std::make_pair(MissKind::kNotReached, size_t{5}));
}

}  // namespace
}  // namespace invigil::scoring
