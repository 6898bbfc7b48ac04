// Sittings of several parts: sections with their own time, breaks, untimed parts, pauses,
// accommodations, windows, reopening.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "common/base/random.h"
#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/clock.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/fixtures_for_test.h"

namespace invigil::session {
namespace {

using fixtures::ItemId;
using fixtures::kStart;
using fixtures::MakePlannedForm;
using fixtures::Save;
using fixtures::Write;
using ::testing::IsEmpty;

enum : uint32_t { kAgreement, kTutorial, kOne, kBreak, kTwo, kThree, kSurvey };

class SittingTest : public ::testing::Test {
 protected:
  // Decides at `now_`, applies what happens, and checks that what a reader was told before it was
  // written is what is true afterwards.
  Decision Run(Action action, std::string candidate = "ann") {
    const View foretold = ViewAt(state_, now_);
    Decision decision = Decide(state_, {std::move(candidate), Read{}}, now_);
    Take(decision);
    const View seen = ViewAt(state_, now_);
    EXPECT_EQ(foretold.state, seen.state);
    EXPECT_EQ(foretold.part, seen.part);
    EXPECT_EQ(foretold.remaining, seen.remaining);
    EXPECT_EQ(foretold.exam_remaining, seen.exam_remaining);
    EXPECT_EQ(foretold.ended_at, seen.ended_at);
    decision = Decide(state_, {"", std::move(action)}, now_);
    Take(decision);
    return decision;
  }
  std::string Reason(Action action) { return ReasonOf(Run(std::move(action)).status); }
  void Must(Action action) {
    const absl::Status status = Run(std::move(action)).status;
    ASSERT_TRUE(status.ok()) << status;
  }
  void Begin(std::shared_ptr<const Form> form = MakePlannedForm(), Start start = {}) {
    Must(Reserve{{"ann", "EX-1", "r1"}});
    start.form = std::move(form);
    Must(std::move(start));
  }
  void Leave(bool accept = false) { Must(LeavePart{1, state_.part, {}, accept}); }
  // Into section One.
  void BeginSections(Start start = {}) {
    Begin(MakePlannedForm(), std::move(start));
    Leave(true);
    Leave();
    ASSERT_EQ(state_.part, kOne);
  }
  static Start WithPool() {
    Accommodation given;
    given.break_pool = Minutes(6);
    return {nullptr, std::make_shared<const Accommodation>(given), {}};
  }
  Duration Left() { return ViewAt(state_, now_).remaining; }
  Duration ExamLeft() { return ViewAt(state_, now_).exam_remaining; }

  State state_;
  Time now_ = kStart;

 private:
  void Take(const Decision& decision) {
    for (const Event& event : decision.events) {
      const absl::Status status = Apply(state_, event, decision.at);
      ASSERT_TRUE(status.ok()) << status;
    }
  }
};

TEST_F(SittingTest, UntimedPartsDoNotEatExamTime) {
  Begin();
  EXPECT_EQ(state_.state, SessionState::kActive);
  EXPECT_EQ(Left(), Minutes(2));
  EXPECT_EQ(ExamLeft(), Minutes(60));
  EXPECT_EQ(Reason(Save(1, {Write(0, 1, {"A"})})), "ITEMS_LOCKED");
  now_ += Minutes(1);
  Leave(true);
  EXPECT_EQ(Left(), Minutes(5));
  now_ += Minutes(4);
  Leave();
  EXPECT_EQ(Left(), Minutes(10));
  EXPECT_EQ(ExamLeft(), Minutes(60));
  now_ += Minutes(3);
  EXPECT_EQ(Left(), Minutes(7));
  EXPECT_EQ(ExamLeft(), Minutes(57));
}

TEST_F(SittingTest, AnAgreementThatIsDeclinedOrForgottenEndsTheSitting) {
  Begin();
  Must(LeavePart{1, kAgreement, {}, false});
  EXPECT_EQ(state_.state, SessionState::kTerminated);
  state_ = State();
  Begin();
  const Time begun = now_;
  now_ += Minutes(30);
  EXPECT_EQ(Reason(LeavePart{1, kAgreement, {}, true}), "");
  EXPECT_EQ(state_.state, SessionState::kTerminated);
  EXPECT_EQ(state_.ended_at, begun + Minutes(2));
}

TEST_F(SittingTest, WithNobodyThereEveryPartEndsAtItsOwnMoment) {
  Begin();
  Leave(true);
  now_ += std::chrono::hours(5);
  const Decision late = Run(Read{});
  EXPECT_EQ(state_.state, SessionState::kExpired);
  // Tutorial 5, section 10, break 10, sections 20 and 30; the survey does not count.
  EXPECT_EQ(state_.ended_at, kStart + Minutes(75));
  EXPECT_EQ(state_.part, kSurvey);
  EXPECT_EQ(state_.exam_used, Minutes(60));
}

TEST_F(SittingTest, ASectionLocksOnExitAndItsTimeIsNotCarriedOver) {
  BeginSections();
  Must(Save(1, {Write(0, 1, {"A"})}));
  now_ += Minutes(2);
  EXPECT_EQ(Reason(LeavePart{1, kOne, {{ItemId(0), 2}}, false}), "RESPONSES_MISSING");
  Must(LeavePart{1, kOne, {{ItemId(0), 1}}, false});
  EXPECT_EQ(state_.state, SessionState::kOnBreak);
  EXPECT_EQ(Reason(Save(1, {Write(1, 1, {"A"})})), "SESSION_NOT_ACTIVE");
  EXPECT_EQ(Left(), Minutes(10));
  EXPECT_EQ(ExamLeft(), Minutes(58));
  now_ += Minutes(4);
  EXPECT_EQ(ExamLeft(), Minutes(58));
  // Repeated after a lost reply: nothing happens.
  EXPECT_THAT(Run(LeavePart{1, kOne, {}, false}).events, IsEmpty());
  Must(EndBreak{1});
  EXPECT_EQ(state_.part, kTwo);
  EXPECT_EQ(Left(), Minutes(20));
  EXPECT_EQ(Reason(Save(1, {Write(1, 1, {"A"})})), "ITEMS_LOCKED");
  EXPECT_EQ(Reason(Save(1, {Write(7, 1, {"A"})})), "ITEMS_LOCKED");  // not reached yet
  // What is held already is acknowledged again, locked or not.
  const Decision again = Run(Save(1, {Write(0, 1, {"A"})}));
  ASSERT_TRUE(again.status.ok());
  EXPECT_EQ(again.acks[0].fate, Ack::Fate::kStored);
}

TEST_F(SittingTest, ForwardOnlyLocksWhatWasPassed) {
  BeginSections();
  Leave();
  Must(EndBreak{1});
  Must(Save(1, {Write(4, 1, {"A"})}));
  Must(Save(1, {Write(4, 2, {"B"})}));  // still on the screen
  Must(Save(1, {Write(5, 1, {"A"})}));
  EXPECT_EQ(Reason(Save(1, {Write(4, 3, {"C"})})), "ITEMS_LOCKED");
  EXPECT_EQ(state_.responses[4].options, 2u);
  Must(SaveProgress{1, {}, ItemId(6)});  // passed without an answer
  EXPECT_EQ(Reason(Save(1, {Write(5, 2, {"B"})})), "ITEMS_LOCKED");
  Must(Save(1, {Write(6, 1, {"D"})}));
}

TEST_F(SittingTest, EditsAreCountedWhereTheyAreLimited) {
  BeginSections();
  Leave();
  Leave();
  Leave();
  ASSERT_EQ(state_.part, kThree);
  Must(Save(1, {Write(7, 1, {"A"}), Write(8, 1, {"A"})}));
  Must(Save(1, {Write(7, 2, {"B"})}));
  Must(Save(1, {Write(7, 3, {})}));  // taking an answer back is a change, giving one again is not
  Must(Save(1, {Write(7, 4, {"C"})}));
  const Decision third = Run(Save(1, {Write(8, 2, {"B"})}));
  EXPECT_EQ(ReasonOf(third.status), "EDIT_QUOTA_USED");
  EXPECT_THAT(third.acks, IsEmpty());
  Must(Save(1, {Write(9, 1, {"A"})}));  // a first answer is no edit
}

TEST_F(SittingTest, APauseKeepsTheExactRemainderWhereverItFalls) {
  Begin();
  Random random(7);
  for (uint32_t part = kAgreement; part <= kThree; ++part) {
    SCOPED_TRACE(part);
    now_ += Micros(1'234'567);
    const Duration left = Left(), exam_left = ExamLeft();
    const uint32_t version = state_.deadline_version;
    Must(Pause{"proctor", "fire drill"});
    EXPECT_EQ(DueTime(state_), std::nullopt);
    now_ += std::chrono::hours(random.Below(48));
    EXPECT_EQ(Left(), left);
    EXPECT_EQ(ExamLeft(), exam_left);
    EXPECT_EQ(Reason(Save(1, {Write(0, 1, {"A"})})), "SESSION_NOT_ACTIVE");
    EXPECT_THAT(Run(Pause{"proctor", "again"}).events, IsEmpty());
    Must(Resume{"proctor", "all clear"});
    EXPECT_THAT(Run(Resume{"proctor", "again"}).events, IsEmpty());
    EXPECT_EQ(Left(), left);
    EXPECT_EQ(ExamLeft(), exam_left);
    EXPECT_GT(state_.deadline_version, version);
    Leave(true);
  }
  EXPECT_EQ(state_.part, kSurvey);
}

TEST_F(SittingTest, UnscheduledBreaksRunOnTheClockAndLockWhatWasSeen) {
  BeginSections();
  Must(Save(1, {Write(0, 1, {"A"})}));
  Must(TakeBreak{1, false, {ItemId(1)}});
  EXPECT_EQ(state_.state, SessionState::kOnBreak);
  now_ += Minutes(3);
  EXPECT_EQ(Left(), Minutes(7));
  EXPECT_EQ(ExamLeft(), Minutes(57));
  Must(EndBreak{1});
  EXPECT_EQ(Reason(Save(1, {Write(0, 2, {"B"})})), "ITEMS_LOCKED");
  EXPECT_EQ(Reason(Save(1, {Write(1, 1, {"B"})})), "ITEMS_LOCKED");
  Must(Save(1, {Write(2, 1, {"B"})}));
  // A break that outlasts the section does not hold it up.
  Must(TakeBreak{1, false, {}});
  now_ += Minutes(8);
  Run(Read{});
  EXPECT_EQ(state_.part, kBreak);
  EXPECT_EQ(state_.state, SessionState::kOnBreak);
}

TEST_F(SittingTest, ExtraBreaksStopTheClockUntilTheirPoolIsEmpty) {
  BeginSections(WithPool());
  Must(TakeBreak{1, true, {}});
  now_ += Minutes(4);
  EXPECT_EQ(ExamLeft(), Minutes(60));
  EXPECT_EQ(Left(), Minutes(2));
  Must(EndBreak{1});
  EXPECT_EQ(Left(), Minutes(10));
  Must(TakeBreak{1, true, {}});
  now_ += Minutes(5);  // the pool gives 2: the clock has run for 3
  EXPECT_EQ(Left(), Minutes(7));
  EXPECT_EQ(Reason(TakeBreak{1, true, {}}), "BREAK_NOT_ALLOWED");
  EXPECT_EQ(state_.state, SessionState::kActive);
}

TEST_F(SittingTest, ALateRepeatNeitherBeginsNorEndsAnotherBreak) {
  const auto take = [](uint32_t number, bool pooled = false) {
    return TakeBreak{.epoch = 1, .pooled = pooled, .seen = {}, .number = number};
  };
  const auto end = [](uint32_t number) { return EndBreak{.epoch = 1, .number = number}; };
  BeginSections(WithPool());
  EXPECT_EQ(Reason(take(2)), "BREAK_INVALID");
  EXPECT_EQ(Reason(end(1)), "BREAK_INVALID");
  Must(take(1));
  EXPECT_EQ(state_.breaks, 1u);
  EXPECT_EQ(Reason(take(2)), "BREAK_NOT_ALLOWED") << "one at a time";
  Must(end(1));
  for (const bool pooled : {false, true}) {
    EXPECT_THAT(Run(take(1, pooled)).events, IsEmpty()) << "it is over";
    EXPECT_EQ(Reason(take(1, pooled)), "");
  }
  Must(take(2, true));
  EXPECT_THAT(Run(end(1)).events, IsEmpty()) << "meant the first";
  EXPECT_EQ(state_.state, SessionState::kOnBreak);
  EXPECT_EQ(Reason(take(2, false)), "BREAK_NOT_ALLOWED") << "the second's clock stands still";
  Must(end(2));
  Must(LeavePart{1, kOne, {}, false});
  ASSERT_EQ(state_.part, kBreak);
  EXPECT_EQ(state_.breaks, 3u) << "a scheduled one counts";
  EXPECT_THAT(Run(end(2)).events, IsEmpty());
  EXPECT_EQ(state_.part, kBreak);
  Must(end(3));
  EXPECT_EQ(state_.part, kTwo);
}

TEST_F(SittingTest, WhatLocksAsksFirstWhetherAnswersArrived) {
  BeginSections();
  TakeBreak take{.epoch = 1, .pooled = false, .seen = {ItemId(1)}, .number = 1};
  take.held = {{ItemId(1), 1}};
  EXPECT_EQ(Reason(take), "RESPONSES_MISSING");
  EXPECT_FALSE(state_.locked(1));
  Must(Save(1, {Write(1, 1, {"A"})}));
  Must(take);
  EXPECT_TRUE(state_.locked(1));
  take.number = 0;
  Must(EndBreak{1});
  Must(take);  // what is locked holds up nothing
}

TEST_F(SittingTest, ABreakOfOneKindIsNoAnswerToTheOther) {
  Accommodation given;
  given.break_pool = Minutes(6);
  BeginSections({nullptr, std::make_shared<const Accommodation>(given), {}});
  Must(TakeBreak{1, false, {}});
  EXPECT_THAT(Run(TakeBreak{1, false, {}}).events, IsEmpty()) << "once more changes nothing";
  EXPECT_EQ(Reason(TakeBreak{1, false, {}}), "");
  EXPECT_EQ(Reason(TakeBreak{1, true, {}}), "BREAK_NOT_ALLOWED") << "this one's clock runs";
  EXPECT_EQ(Reason(TakeBreak{2, true, {}}), "EPOCH_UNKNOWN");
  Must(EndBreak{1});
  Must(TakeBreak{1, true, {}});
  EXPECT_EQ(Reason(TakeBreak{1, true, {}}), "");
  EXPECT_EQ(Reason(TakeBreak{1, false, {}}), "BREAK_NOT_ALLOWED");
  Must(EndBreak{1});
  Leave(false);
  ASSERT_EQ(state_.part, kBreak);
  for (const bool pooled : {false, true}) {
    EXPECT_EQ(Reason(TakeBreak{1, pooled, {}}), "BREAK_NOT_ALLOWED") << "the break of the plan";
  }
}

TEST_F(SittingTest, AccommodationsAddToPartsAndExam) {
  Accommodation given;
  given.exam_extra = Minutes(30);
  given.part_extra = {Minutes(1),  Minutes(0),  Minutes(5), Minutes(0),
                      Minutes(10), Minutes(15), Minutes(0)};
  Begin(MakePlannedForm(), {nullptr, std::make_shared<const Accommodation>(given), {}});
  EXPECT_EQ(Left(), Minutes(3));
  Leave(true);
  Leave();
  EXPECT_EQ(Left(), Minutes(15));
  EXPECT_EQ(ExamLeft(), Minutes(90));
}

TEST_F(SittingTest, GrantsGoToTheSectionThatRunsOrComesNext) {
  Begin();
  Must(GrantTime{{"g0", Minutes(1)}, "proctor", "late start"});
  EXPECT_EQ(Left(), Minutes(2));  // the agreement's time is its own
  Leave(true);
  Leave();
  EXPECT_EQ(Left(), Minutes(11));
  Must(GrantTime{{"g1", Minutes(2)}, "proctor", "noise"});
  EXPECT_EQ(Left(), Minutes(13));
  Leave();
  Must(GrantTime{{"g2", Minutes(3)}, "proctor", "queue at the door"});
  EXPECT_EQ(Left(), Minutes(10));
  Must(EndBreak{1});
  EXPECT_EQ(Left(), Minutes(23));
  EXPECT_EQ(ExamLeft(), Minutes(66));
}

TEST_F(SittingTest, TheWindowsEndCutsWhatIsLeftButPausesAndGrantsMoveIt) {
  BeginSections({nullptr, nullptr, kStart + Minutes(8)});
  EXPECT_EQ(Left(), Minutes(8));
  Must(Pause{"proctor", "alarm"});
  now_ += Minutes(30);
  EXPECT_EQ(Left(), Minutes(8));
  Must(Resume{"proctor", "all clear"});
  EXPECT_EQ(Left(), Minutes(8));
  Must(GrantTime{{"g", Minutes(1)}, "proctor", "alarm"});
  EXPECT_EQ(Left(), Minutes(9));
  now_ += Minutes(9);
  Run(Read{});
  EXPECT_EQ(state_.state, SessionState::kExpired);
  EXPECT_EQ(state_.ended_at, now_);
  state_ = State();
  EXPECT_EQ(ReasonOf(Decide(state_, {"", Read{}}, now_).status), "SESSION_NOT_FOUND");
  Must(Reserve{{"ann", "EX-1", "r1"}});
  EXPECT_EQ(Reason(Start{MakePlannedForm(), nullptr, now_}), "WINDOW_CLOSED");
}

TEST_F(SittingTest, NobodyBeginsUnchecked) {
  Must(Reserve{{"ann", "EX-1", "r1"}});
  EXPECT_EQ(Reason(Start{MakePlannedForm(true), nullptr, {}}), "CHECK_IN_REQUIRED");
  EXPECT_FALSE(state_.form);
  Must(CheckIn{"proctor", "passport"});
  Must(Start{MakePlannedForm(true), nullptr, {}});
  EXPECT_EQ(state_.started_at, now_);
}

TEST_F(SittingTest, ReopenedItRunsOnWithWhatWasLeftAndIsSealedAgain) {
  Must(Reserve{{"ann", "EX-1", "r1"}});
  Must(Start{fixtures::MakeForm(), nullptr, {}});
  Must(Save(1, {Write(0, 1, {"A"})}));
  now_ += Minutes(30);
  Must(Submit{1, {{ItemId(0), 1}}});
  Must(RecordScore{1, std::make_shared<const std::string>("one"), true, 1});
  now_ += std::chrono::hours(2);
  Must(Reopen{{"again", Minutes(5)}, "operator", "the lights went out"});
  EXPECT_THAT(Run(Reopen{{"again", Minutes(5)}, "operator", "x"}).events, IsEmpty());
  EXPECT_EQ(state_.state, SessionState::kActive);
  EXPECT_EQ(Left(), Minutes(65));
  EXPECT_FALSE(state_.ended_at);
  EXPECT_EQ(Reason(RecordScore{2, std::make_shared<const std::string>("x"), true, 1}),
            "SESSION_NOT_SEALED");
  // A submit that is still under way was meant for the session as it was.
  EXPECT_EQ(Reason(Submit{1, {{ItemId(0), 1}}}), "EPOCH_STALE");
  Must(Save(2, {Write(0, 2, {"B"})}));
  now_ += Minutes(70);
  Run(Read{});
  EXPECT_EQ(state_.state, SessionState::kExpired);
  EXPECT_EQ(state_.ended_at, now_ - Minutes(5));
  EXPECT_EQ(state_.attempt_version, 2u);
  // The answer for the first seal comes late.
  EXPECT_EQ(Reason(RecordScore{1, std::make_shared<const std::string>("one"), true, 1}),
            "SCORE_SUPERSEDED");
  Must(RecordScore{1, std::make_shared<const std::string>("two"), true, 2});
  EXPECT_EQ(*state_.report, "two");
  // After the time is up, reopening needs time.
  EXPECT_EQ(Reason(Reopen{{"third", Minutes(0)}, "operator", "x"}), "GRANT_INVALID");
}

TEST_F(SittingTest, ASurveyAfterTheLastSectionCanBeReopenedIntoIt) {
  BeginSections();
  for (const uint32_t part : {kOne, kBreak, kTwo, kThree}) Must(LeavePart{1, part, {}, false});
  ASSERT_EQ(state_.part, kSurvey);
  const Time answered = now_;
  EXPECT_EQ(Reason(Save(1, {Write(7, 1, {"A"})})), "ITEMS_LOCKED");
  now_ += Minutes(1);
  Leave();
  EXPECT_EQ(state_.state, SessionState::kSubmitted);
  EXPECT_EQ(state_.ended_at, answered);
  Must(Reopen{{"g", Minutes(4)}, "operator", "left by mistake"});
  EXPECT_EQ(state_.part, kThree);
  EXPECT_EQ(Left(), Minutes(34));  // as it was left, and 4
  Must(Save(2, {Write(7, 1, {"A"})}));
  EXPECT_THAT(Run(GrantTime{{"g", Minutes(4)}, "operator", "x"}).events, IsEmpty());  // given
}

TEST_F(SittingTest, TimeThatRunsOutEarlyIsGivenBackWhereItRan) {
  // An exam shorter than its sections: it ends in section One, and the survey follows.
  auto form = MakePlannedForm();
  Plan plan = form->plan();
  std::vector<PlaceSpec> places;
  for (size_t k = 0; k < 10; ++k) places.push_back({ItemId(k), "content", {0, 1, 2, 3}, 1});
  Begin(*Form::Create({"form-3", "Short Exam", 1, Minutes(6), plan}, places));
  Leave(true);
  Leave();
  now_ += Minutes(6);
  EXPECT_EQ(Reason(GrantTime{{"g", Minutes(1)}, "proctor", "x"}), "SECTIONS_OVER");
  ASSERT_EQ(state_.part, kSurvey);
  // What was not reached and what can't be sent any more does not hold up the end.
  Must(Submit{1, {{ItemId(3), 1}}});
  Must(Reopen{{"r", Minutes(3)}, "operator", "an alarm"});
  EXPECT_EQ(state_.part, kOne);
  EXPECT_EQ(Left(), Minutes(3));
  Must(Terminate{"proctor", "left the room"});
  Must(RecordScore{1, std::make_shared<const std::string>("x"), true, 2});
  EXPECT_THAT(Run(Terminate{"proctor", "left the room"}).events, IsEmpty());  // a late repeat
}

TEST_F(SittingTest, RecoveredResponsesAreAddedOnceAndScoredAgain) {
  Must(Reserve{{"ann", "EX-1", "r1"}});
  Must(Start{fixtures::MakeForm(), nullptr, {}});
  Must(Save(1, {Write(0, 3, {"A"})}));
  const RecoverResponses found{"rec-1", "operator", "from the disk", {Write(0, 1, {"B"})}};
  EXPECT_EQ(Reason(found), "SESSION_NOT_SEALED");
  Must(Terminate{"proctor", "the machine burnt"});
  EXPECT_EQ(state_.state, SessionState::kTerminated);
  Must(RecordScore{1, std::make_shared<const std::string>("one"), true, 1});
  Must(found);
  EXPECT_THAT(Run(found).events, IsEmpty());
  EXPECT_EQ(state_.responses[0].sequence, 4u);
  EXPECT_EQ(state_.responses[0].options, 2u);
  EXPECT_EQ(state_.attempt_version, 2u);
  EXPECT_EQ(state_.state, SessionState::kSubmitted);
  EXPECT_FALSE(state_.report);
  EXPECT_EQ(Reason(RecoverResponses{"rec-2", "operator", "x", {Write(99, 1, {"A"})}}),
            "RESPONSE_INVALID");
}

TEST_F(SittingTest, MessagesAreConfirmedByTheOtherSide) {
  BeginSections();
  Must(SendMessage{"m1", "proctor", "look at the camera", false});
  EXPECT_THAT(Run(SendMessage{"m1", "proctor", "look at the camera", false}).events, IsEmpty());
  EXPECT_EQ(Reason(SendMessage{"m1", "proctor", "look up", false}), "MESSAGE_CONFLICT");
  EXPECT_EQ(Reason(ConfirmMessage{"m1", false}), "MESSAGE_NOT_FOUND");
  EXPECT_FALSE(state_.extras->messages[0].confirmed);
  Must(ConfirmMessage{"m1", true});
  EXPECT_TRUE(state_.extras->messages[0].confirmed);
  EXPECT_THAT(Run(ConfirmMessage{"m1", true}).events, IsEmpty());
}

TEST_F(SittingTest, FlagsNeverTouchResponses) {
  BeginSections();
  Must(Save(1, {Write(0, 1, {"A"})}));
  const auto before = state_.responses;
  Must(SaveProgress{1, {{ItemId(0), 2, true, 61'000}}, ItemId(0)});
  Must(SaveProgress{1, {{ItemId(0), 1, false, 1}}, ""});  // older: changes nothing
  EXPECT_TRUE(state_.extras->marks[0].flagged);
  Must(SaveProgress{1, {{ItemId(0), 3, false, 1'000}}, ""});
  EXPECT_EQ(state_.extras->marks[0].shown_ms, 61'000u);  // a total never goes back
  EXPECT_EQ(state_.responses, before);
}

TEST_F(SittingTest, ADiagnosticIsClaimedOnce) {
  Must(Reserve{{"anon-1", "EX-1", "r1", SessionKind::kDiagnostic}});
  Must(Start{fixtures::MakeForm(), nullptr, {}});
  EXPECT_EQ(Reason(Claim{"ann"}), "SESSION_NOT_SEALED");
  Must(Submit{1, {}});
  Must(Claim{"ann"});
  EXPECT_EQ(state_.identity->candidate_id, "ann");
  EXPECT_THAT(Run(Claim{"ann"}).events, IsEmpty());
  EXPECT_EQ(Reason(Claim{"bob"}), "SESSION_CLAIMED");
}

TEST_F(SittingTest, ActsNameWhoAndWhy) {
  BeginSections();
  EXPECT_EQ(Reason(Pause{"", "x"}), "ACT_INVALID");
  EXPECT_EQ(Reason(Pause{"proctor", ""}), "ACT_INVALID");
  EXPECT_EQ(Reason(Terminate{"proctor", "\xff"}), "ACT_INVALID");
  EXPECT_EQ(Reason(ReportIrregularity{"i", "", "x", "proctor"}), "REPORT_INVALID");
  Must(ReportIrregularity{"i", "disturbance", "a phone rang", "proctor"});
  EXPECT_EQ(state_.state, SessionState::kActive);
}

// Whatever is asked in whatever order: the log replays to the same state, time is never given twice
// (I5), and what is told before it is written is what is written (Run checks that).
TEST_F(SittingTest, RandomSittingsReplayAndKeepTheirTime) {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    state_ = State();
    now_ = kStart;
    State replayed;
    Duration granted{0};
    const auto run = [&](Action action) {
      for (const Action& step : {Action(Read{}), action}) {
        const Decision decision = Decide(state_, {"", step}, now_);
        for (const Event& event : decision.events) {
          ASSERT_TRUE(Apply(state_, event, decision.at).ok());
          ASSERT_TRUE(Apply(replayed, event, decision.at).ok());
        }
      }
    };
    run(Reserve{{"ann", "EX-1", "r1"}});
    run(Start{MakePlannedForm(), nullptr, {}});
    for (int step = 0; step < 60 && !HasFatalFailure(); ++step) {
      now_ += Micros(static_cast<int64_t>(random.Below(240'000'000)));
      const std::string id = std::to_string(step);
      switch (random.Below(9)) {
        case 0:
          run(Pause{"p", "x"});
          break;
        case 1:
          run(Resume{"p", "x"});
          break;
        case 2:
          run(LeavePart{1, state_.part, {}, true});
          break;
        case 3:
          run(TakeBreak{1, random.Below(2) == 0, {}});
          break;
        case 4:
          run(EndBreak{1});
          break;
        case 5: {
          const size_t before = state_.grants.size();
          run(GrantTime{{id, Minutes(2)}, "p", "x"});
          if (state_.grants.size() > before) granted += Minutes(2);
          break;
        }
        case 6:
          if (random.Below(8) == 0) run(Reopen{{id, Minutes(1)}, "p", "x"});
          break;
        default:
          run(Save(1, {Write(random.Below(10), static_cast<uint32_t>(step + 1), {"A"})}));
      }
      EXPECT_EQ(state_, replayed);
      const Duration used =
          state_.exam_used + (state_.started_at && state_.current_part().is_section()
                                  ? PartUsed(state_, now_)
                                  : Duration(0));
      if (state_.state == SessionState::kActive && !Overdue(state_, now_)) {
        EXPECT_LE(used, ExamTime(state_));
      }
    }
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace invigil::session
