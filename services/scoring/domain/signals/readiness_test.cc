#include "services/scoring/domain/signals/readiness.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/error/error.h"
#include "services/scoring/domain/lord_wingersky.h"
#include "services/scoring/domain/signals/ability_grid.h"
#include "services/scoring/domain/signals/simulate.h"

namespace invigil::scoring {
namespace {

Time Day(int day) { return FromUnixMicros(int64_t{20'000 + day} * 24 * 3600 * 1'000'000); }

// Fifty first-seen items of difficulty 0, `right` of them right, in a full timed session.
PracticeSession Session(int day, size_t right, size_t items = 50) {
  PracticeSession session;
  session.ended_at = Day(day);
  session.full_length = session.timed = session.equated = true;
  for (size_t i = 0; i < items; ++i) {
    session.responses.push_back(
        {.irt = {1, 0, 0}, .sample_size = 500, .domain = DomainOf50(i % 50), .right = i < right});
  }
  return session;
}

// Fifty such items, cut 35.
ExamTarget Exam() {
  return {.base_form = std::vector<ItemParameters>(50, {1, 0, 0}),
          .base_cut_raw = 35,
          .scale = {.min = 100, .max = 1000, .cut = 700}};
}

ReadinessModel Model(ReadinessOptions options = {}) {
  return ReadinessModel::Create(Exam(), options).value();
}

Readiness Of(const std::vector<PracticeSession>& sessions, ReadinessOptions options = {}) {
  return Model(options).Estimate(sessions).value();
}

// Nothing but item sampling and a prior that says next to nothing.
ReadinessOptions Plain() {
  return {.prior_sd = 5,
          .occasion_sd = 0,
          .exam_form_error = 0,
          .drift_variance_per_day = 0,
          .exam_day_adjustment = 0};
}

// Figures known of a 50-item form with the cut at 35: one session at 750 puts the true score above
// the cut with probability .79, five with .97, one at 800 with .96.
TEST(Readiness, BuffersOfOneAndFiveSessions) {
  EXPECT_NEAR(BufferProbability(0.75, 0.7, 50, 1), 0.79, 0.005);
  EXPECT_NEAR(BufferProbability(0.75, 0.7, 50, 5), 0.966, 0.005);
  EXPECT_NEAR(BufferProbability(0.80, 0.7, 50, 1), 0.96, 0.005);
  // The model says the same within 2 points: 750 lies between 37 and 38 right.
  const auto mastery = [](std::vector<size_t> rights) {
    std::vector<PracticeSession> sessions;
    for (size_t i = 0; i < rights.size(); ++i) {
      sessions.push_back(Session(static_cast<int>(i), rights[i]));
    }
    return Of(sessions, Plain()).mastery_probability;
  };
  EXPECT_NEAR((mastery({37}) + mastery({38})) / 2, 0.79, 0.02);
  EXPECT_NEAR((mastery({37, 38, 37, 38, 37}) + mastery({38, 37, 38, 37, 38})) / 2, 0.966, 0.02);
  EXPECT_NEAR(mastery({40}), 0.96, 0.02);
}

TEST(Readiness, ABufferOfAllOrNothingIsCertain) {
  EXPECT_EQ(BufferProbability(1, 1, 50, 1), 1);
  EXPECT_EQ(BufferProbability(1, 0.7, 50, 1), 1);
  EXPECT_EQ(BufferProbability(0, 0, 50, 1), 1);
  EXPECT_EQ(BufferProbability(0, 0.7, 50, 1), 0);
}

TEST(Readiness, TheStandardErrorIsAboutSixtyPoints) {
  const Readiness one = Of({Session(0, 38)}, Plain());
  EXPECT_GT(one.scaled_sd, 50);
  EXPECT_LT(one.scaled_sd, 70);
  EXPECT_NEAR(one.buffer, (one.scaled_mean - 700) / one.scaled_sd, 1e-9);
}

TEST(Readiness, OneSessionNeverSetsReadyAndSeveralMay) {
  const Readiness one = Of({Session(0, 50)});
  EXPECT_EQ(one.verdict, Verdict::kNotEnoughEvidence);
  EXPECT_GT(one.probability, 0.95);  // the estimate is there, the verdict is not
  ASSERT_FALSE(one.needs.empty());
  const Readiness two = Of({Session(0, 50), Session(1, 50)});
  EXPECT_EQ(two.verdict, Verdict::kNotEnoughEvidence);
  const Readiness three = Of({Session(0, 44), Session(1, 45), Session(2, 44)});
  EXPECT_EQ(three.verdict, Verdict::kReady);
  EXPECT_TRUE(three.needs.empty());
  EXPECT_EQ(ReasonOf(ReadinessModel::Create(Exam(), {.least_sessions = 1}).status()),
            "READINESS_OPTIONS");
}

TEST(Readiness, TheConsistencyRuleLooksAtTheLastSessions) {
  // Probability is high throughout; three of the last five must lie at 750 or above (37.5 right).
  const auto verdict = [](std::vector<size_t> rights) {
    std::vector<PracticeSession> sessions;
    for (size_t i = 0; i < rights.size(); ++i) {
      sessions.push_back(Session(static_cast<int>(i), rights[i]));
    }
    return Of(sessions, {.exam_day_adjustment = 0, .ready_probability = 0.5});
  };
  EXPECT_EQ(verdict({45, 45, 45}).verdict, Verdict::kReady);
  EXPECT_EQ(verdict({37, 37, 44, 44, 44}).verdict, Verdict::kReady);
  const Readiness two = verdict({44, 44, 44, 37, 37, 37, 44});
  EXPECT_EQ(two.of_last, 5u);
  EXPECT_EQ(two.in_band, 2u);
  EXPECT_EQ(two.verdict, Verdict::kClose);
  EXPECT_EQ(verdict({20, 21, 22}).verdict, Verdict::kNotReady);
}

TEST(Readiness, WhatIsNoFullTimedSessionIsLeftOutWithItsReason) {
  std::vector<PracticeSession> sessions(9, Session(0, 45));
  sessions[1].full_length = false;
  sessions[2].timed = false;
  sessions[3].paused = true;
  sessions[4].revealed = true;
  sessions[5].aided = true;
  sessions[6].equated = false;
  for (size_t i = 0; i < 11; ++i) sessions[7].responses[i].first_seen = false;
  for (auto& response : sessions[8].responses) response.operational = false;
  const Readiness all = Of(sessions);
  const std::vector<std::string> reasons = {
      "",      "NOT_FULL_LENGTH", "NOT_TIMED",      "PAUSED",  "ANSWERS_REVEALED",
      "AIDED", "NOT_EQUATED",     "REPEATED_ITEMS", "NO_ITEMS"};
  ASSERT_EQ(all.sessions.size(), 9u);
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(NameOf(all.sessions[i].exclusion), reasons[i]);
  EXPECT_EQ(all.sessions_used, 1u);
  EXPECT_DOUBLE_EQ(all.probability, Of({Session(0, 45)}).probability);
}

TEST(Readiness, AnswersThatNoAbilityGivesAreNoEvidence) {
  PracticeSession impossible = Session(1, 50);
  for (auto& response : impossible.responses) response.irt = {50, 100, 0};
  const std::vector<PracticeSession> sessions = {Session(0, 30), impossible};
  const Readiness readiness = Of(sessions);
  EXPECT_EQ(NameOf(readiness.sessions[1].exclusion), "ANSWERS_UNEXPLAINED");
  EXPECT_EQ(readiness.sessions_used, 1u);
  EXPECT_DOUBLE_EQ(readiness.probability, Of({Session(0, 30)}).probability);
}

TEST(Readiness, PretestAnswersAndRepeatedItemsChangeNothing) {
  PracticeSession plain = Session(0, 36, 45);
  PracticeSession more = plain;
  for (int i = 0; i < 15; ++i) {
    more.responses.push_back({.irt = {2, 1, 0}, .operational = false, .right = i % 2 == 0});
  }
  for (int i = 0; i < 10; ++i) {
    more.responses.push_back({.irt = {1, 0, 0}, .first_seen = false, .right = true});
  }
  PracticeSession flipped = more;
  for (auto& response : flipped.responses) {
    if (!response.operational || !response.first_seen) response.right = !response.right;
  }
  const Readiness a = Of({plain}), b = Of({more}), c = Of({flipped});
  for (const Readiness* other : {&b, &c}) {
    EXPECT_EQ(a.probability, other->probability);
    EXPECT_EQ(a.sessions[0].scaled, other->sessions[0].scaled);
    EXPECT_EQ(a.posterior, other->posterior);
  }
}

TEST(Readiness, TheExamDayAdjustmentIsDeclaredAndZeroIsThePlainModel) {
  const std::vector<PracticeSession> sessions = {Session(0, 37), Session(1, 38), Session(2, 36)};
  const Readiness adjusted = Of(sessions);
  const Readiness plain = Of(sessions, {.exam_day_adjustment = 0});
  EXPECT_DOUBLE_EQ(adjusted.exam_day_adjustment, -3);
  EXPECT_LT(adjusted.probability, adjusted.probability_unadjusted);
  EXPECT_EQ(plain.probability, plain.probability_unadjusted);
  EXPECT_EQ(plain.probability, adjusted.probability_unadjusted);
  double last = 1;
  for (double points : {4.0, 0.0, -2.0, -3.0, -4.0, -20.0}) {
    const double p = Of(sessions, {.exam_day_adjustment = points}).probability;
    EXPECT_LT(p, last);
    last = p;
  }
}

TEST(Readiness, MoreRightNeverLowersTheProbability) {
  double last = -1;
  for (size_t right = 0; right <= 50; ++right) {
    const Readiness r = Of({Session(0, right), Session(1, 35)});
    EXPECT_GT(r.probability, last) << right;
    EXPECT_LE(r.probability_low, r.probability_high);
    EXPECT_GE(r.probability, 0);
    EXPECT_LE(r.probability, 1);
    last = r.probability;
  }
}

TEST(Readiness, MoreErrorMeansLessCertainty) {
  std::vector<PracticeSession> sessions = {Session(0, 42), Session(1, 42), Session(2, 42)};
  const Readiness sharp = Of(sessions);
  for (auto& session : sessions) session.form_error = 0.4;
  const Readiness blurred = Of(sessions);
  EXPECT_GT(blurred.scaled_sd, sharp.scaled_sd);
  EXPECT_LT(blurred.probability, sharp.probability);
  EXPECT_GT(blurred.variance.forms, 0);
  EXPECT_EQ(sharp.variance.forms, 0);
  // A session long ago says less of today.
  const auto old = Model().Estimate(sessions, Day(400)).value();
  EXPECT_GT(old.scaled_sd, blurred.scaled_sd);
}

// The parts of the variance are what simulated forms scatter by: ability estimates of one person
// over forms that are off by 0.3 logit and days that differ by 0.2.
TEST(Readiness, VariancePartsAreThoseOfSimulatedForms) {
  Random random(4);
  double sum = 0, square = 0;
  constexpr int kForms = 4000;
  const std::vector<ItemParameters> items(50, {1, 0, 0});
  for (int f = 0; f < kForms; ++f) {
    const double shift = 0.3 * random.Normal() + 0.2 * random.Normal();
    double right = 0;
    for (int i = 0; i < 50; ++i) right += random.Uniform() < 1 / (1 + std::exp(-0.8 - shift));
    const double theta = AbilityAt(items, std::clamp(right, 0.5, 49.5)).value();
    sum += theta;
    square += theta * theta;
  }
  const double scatter = square / kForms - (sum / kForms) * (sum / kForms);
  PracticeSession session = Session(0, 35);
  session.form_error = 0.3;
  const VarianceParts parts =
      Of({session}, {.occasion_sd = 0.2, .drift_variance_per_day = 0}).variance;
  EXPECT_NEAR(parts.forms, 0.09, 1e-12);
  EXPECT_NEAR(parts.occasions, 0.04, 1e-12);
  EXPECT_NEAR(parts.items + parts.forms + parts.occasions, scatter, 0.1 * scatter);
}

TEST(Readiness, LowEvidenceIsVisible) {
  PracticeSession session = Session(0, 40);
  EXPECT_FALSE(Of({session}).low_evidence);
  session.responses[3].sample_size = 0;
  EXPECT_TRUE(Of({session}).low_evidence);
}

TEST(Readiness, WithoutEvidenceThePriorSpeaksAndTheVerdictSaysSo) {
  const Readiness none = Of({});
  EXPECT_EQ(none.verdict, Verdict::kNotEnoughEvidence);
  EXPECT_GT(none.probability, 0.1);
  EXPECT_LT(none.probability, 0.5);
  EXPECT_EQ(none.variance.items, 0);
}

TEST(Readiness, OrderOfSessionsDoesNotMatterOnlyTheirTimes) {
  const std::vector<PracticeSession> ordered = {Session(0, 30), Session(5, 38), Session(9, 44)};
  const std::vector<PracticeSession> mixed = {ordered[2], ordered[0], ordered[1]};
  EXPECT_EQ(Of(ordered).posterior, Of(mixed).posterior);
}

TEST(Readiness, ScaledScoresHaveTheirAbility) {
  const ReadinessModel model = Model();
  EXPECT_NEAR(ExpectedNumberCorrect(model.target().base_form, model.AbilityOfScaled(700)), 35,
              0.01);
  EXPECT_NEAR(model.AbilityOfScaled(0), -6, 1e-12);
  EXPECT_NEAR(model.AbilityOfScaled(1000), 6, 1e-12);
}

TEST(Readiness, TrendsLookAtComparableSessionsOnly) {
  std::vector<PracticeSession> sessions;
  for (int week = 0; week < 5; ++week) {
    sessions.push_back(Session(7 * week, 30 + 2 * static_cast<size_t>(week)));
  }
  sessions.push_back(Session(40, 0));
  sessions.back().timed = false;
  const Readiness readiness = Of(sessions);
  const auto trend = TrendOf(readiness.sessions, 60).value();
  ASSERT_TRUE(trend.has_value());
  EXPECT_EQ(trend->sessions, 5u);
  // Two questions a week: 17 points each up to the cut, 20 above.
  EXPECT_GT(trend->points_per_week, 34);
  EXPECT_LT(trend->points_per_week, 40);
  EXPECT_NEAR(trend->error, 60 / std::sqrt(10.0), 1e-9);
  EXPECT_FALSE(trend->changing);  // 1.91 errors
  EXPECT_TRUE(TrendOf(readiness.sessions, 30).value()->changing);
  const Readiness two = Of({sessions[0], sessions[1]});
  EXPECT_FALSE(TrendOf(two.sessions, 60).value().has_value());
  const Readiness same = Of({Session(0, 30), Session(0, 31), Session(0, 40)});
  EXPECT_FALSE(TrendOf(same.sessions, 60).value().has_value());
  EXPECT_EQ(ReasonOf(TrendOf(two.sessions, 0).status()), "TREND_ERROR_INVALID");
}

TEST(Readiness, BadInputIsANamedError) {
  const auto create = [](ExamTarget target, ReadinessOptions options = {}) {
    return ReasonOf(ReadinessModel::Create(std::move(target), options).status());
  };
  EXPECT_EQ(create(Exam()), "");
  ExamTarget exam = Exam();
  exam.base_form.clear();
  EXPECT_EQ(create(exam), "EXAM_INVALID");
  exam = Exam();
  exam.base_form[3].slope = std::nan("");
  EXPECT_EQ(create(exam), "EXAM_INVALID");
  exam = Exam();
  exam.scale.cut.reset();
  EXPECT_EQ(create(exam), "EXAM_INVALID");
  exam = Exam();
  exam.base_cut_raw = 50;
  EXPECT_EQ(create(exam), "CUT_OUTSIDE_SCALE");
  exam = Exam();
  exam.scale.cut = 1001;
  EXPECT_EQ(create(exam), "CUT_OUTSIDE_SCALE");
  for (const ReadinessOptions& options :
       std::vector<ReadinessOptions>{{.prior_sd = 0},
                                     {.occasion_sd = -1},
                                     {.exam_form_error = std::nan("")},
                                     {.exam_day_adjustment = 60},
                                     {.interval = 1},
                                     {.at_or_above = 6, .of = 5},
                                     {.ready_probability = 0}}) {
    EXPECT_EQ(create(Exam(), options), "READINESS_OPTIONS");
  }
  PracticeSession bad = Session(0, 30);
  bad.responses[0].irt.slope = 0;
  EXPECT_EQ(ReasonOf(Model().Estimate(std::vector{bad}).status()), "ITEM_PARAMETERS_INVALID");
  bad = Session(0, 30);
  bad.form_error = std::nan("");
  EXPECT_EQ(ReasonOf(Model().Estimate(std::vector{bad}).status()), "FORM_ERROR_INVALID");
}

// The short form of tests/bench/study_readiness: what is stated happens, within 5 points where
// there are cases enough to tell (standard errors below 3 points).
TEST(ReadinessStudy, StatedProbabilitiesAreCalibrated) {
  const ReadinessModel model = ReadinessModel::Create(SimulatedExam(2026)).value();
  Random random(99);
  ReliabilityTable table;
  size_t ready = 0, ready_passed = 0;
  for (int i = 0; i < 2000; ++i) {
    const LearnerCase c = SimulateLearner(model, {.sessions = 3}, random);
    table.Add(c.readiness.probability, c.passed);
    if (c.readiness.verdict != Verdict::kReady) continue;
    ++ready;
    ready_passed += c.passed;
  }
  EXPECT_LT(table.WorstGap(300), 0.05);
  EXPECT_LT(table.MeanGap(), 0.04);
  ASSERT_GT(ready, 100u);
  EXPECT_GT(static_cast<double>(ready_passed) / static_cast<double>(ready), 0.8);
}

TEST(ReadinessStudy, FivePassesOnRepeatedItemsDoNotMakeAMemoriserReady) {
  const ReadinessModel model = ReadinessModel::Create(SimulatedExam(2026)).value();
  const std::vector<ItemParameters>& exam = model.target().base_form;
  const std::vector<double> f = NumberCorrectDistribution(exam, 0);
  double passes = 0;
  for (size_t x = 35; x < f.size(); ++x) passes += f[x];
  ASSERT_LT(passes, 0.2);  // an ability of 0 is far from ready
  size_t ready = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    for (double new_share : {0.0, 0.5, 0.85}) {
      Random random(seed);
      const auto sessions = Memoriser(0, seed % 2 == 0 ? 1 : 3, 5, new_share, random);
      const Readiness r = model.Estimate(sessions).value();
      ready += r.verdict == Verdict::kReady;
      if (new_share > 0) continue;
      // The repeats themselves would fool any count of scores.
      for (size_t s = sessions.size() - 5; s < sessions.size(); ++s) {
        size_t right = 0;
        for (const auto& response : sessions[s].responses) right += response.right;
        EXPECT_GT(right, 40u);
        EXPECT_EQ(r.sessions[s].exclusion, Exclusion::kRepeatedItems);
      }
    }
  }
  EXPECT_EQ(ready, 0u);
}

TEST(AbilityGrid, BlursAndQuantiles) {
  const std::vector<double> normal = NormalWeights(0.5, 0.8);
  EXPECT_NEAR(QuantileOf(normal, 0.5), 0.5, 1e-3);
  EXPECT_NEAR(QuantileOf(normal, 0.95), 0.5 + 0.8 * 1.644854, 2e-3);
  EXPECT_NEAR(ShareFrom(normal, 0.5), 0.5, 1e-3);
  std::vector<double> wider = Blur(normal, 0.6);
  ASSERT_TRUE(Normalize(wider));
  EXPECT_NEAR(QuantileOf(wider, 0.95), 0.5 + 1.0 * 1.644854, 5e-3);  // hypot(.8, .6) = 1
  EXPECT_EQ(Blur(normal, 0), normal);
  std::vector<double> nothing(kAbilityNodes, 0);
  EXPECT_FALSE(Normalize(nothing));
}

}  // namespace
}  // namespace invigil::scoring
