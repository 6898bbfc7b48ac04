#include "services/session/domain/decide.h"
#include "services/session/domain/clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/fixtures_for_test.h"

namespace invigil::session {
namespace {

using fixtures::Do;
using fixtures::ItemId;
using fixtures::kBase;
using fixtures::kStart;
using fixtures::Save;
using fixtures::Write;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class DecideTest : public ::testing::Test {
 protected:
  Decision Run(Action action, Time now, std::string candidate = "") {
    Decision decision = Decide(state_, Do(std::move(action), std::move(candidate)), now);
    for (const Event& event : decision.events) {
      EXPECT_TRUE(Apply(state_, event, decision.at).ok());
    }
    return decision;
  }
  Decision RunNow(Action action) { return Run(std::move(action), now_); }
  std::string Reason(Action action) { return ReasonOf(RunNow(std::move(action)).status); }
  void Activate() {
    ASSERT_TRUE(RunNow(Reserve{{"ann", "CLF-C02", "req-1"}}).status.ok());
    ASSERT_TRUE(RunNow(Start{fixtures::MakeForm()}).status.ok());
    ASSERT_EQ(state_.state, SessionState::kActive);
  }
  std::vector<std::string> FieldsOf(const absl::Status& status) {
    std::vector<std::string> paths;
    for (const auto& [path, text] : ViewError(status).fields) paths.push_back(path);
    return paths;
  }

  State state_;
  Time now_ = kStart;
};

TEST_F(DecideTest, StartIsWrittenOnceAndNeverMoves) {
  Activate();
  const State before = state_;
  now_ += Minutes(10);
  EXPECT_THAT(RunNow(Start{fixtures::MakeForm(20, Minutes(5), "other")}).events, IsEmpty());
  EXPECT_THAT(RunNow(Reserve{{"ann", "CLF-C02", "req-1"}}).events, IsEmpty());
  EXPECT_EQ(state_, before);
  EXPECT_EQ(DueTime(state_), kStart + kBase);
  EXPECT_EQ(Reason(Reserve{{"bob", "CLF-C02", "req-1"}}), "SESSION_EXISTS");
}

TEST_F(DecideTest, NewestSequenceWinsAndARepeatIsNoEvent) {
  Activate();
  EXPECT_EQ(RunNow(Save(1, {Write(0, 3, {"B"})})).events.size(), 1u);
  auto repeat = RunNow(Save(1, {Write(0, 3, {"B"})}));
  EXPECT_THAT(repeat.events, IsEmpty());
  EXPECT_EQ(repeat.acks[0].fate, Ack::Fate::kStored);
  auto stale = RunNow(Save(1, {Write(0, 2, {"A"}), Write(1, 1, {})}));
  EXPECT_EQ(stale.acks[0].fate, Ack::Fate::kStale);
  EXPECT_EQ(stale.acks[0].stored, (StoredResponse{3, 0b10}));
  EXPECT_EQ(stale.acks[1].fate, Ack::Fate::kStored);
  EXPECT_EQ(RunNow(Save(1, {Write(0, 3, {"C"})})).acks[0].fate, Ack::Fate::kStale);
  // An older write of the very value that is held is no conflict.
  EXPECT_EQ(RunNow(Save(1, {Write(0, 1, {"B"})})).acks[0].fate, Ack::Fate::kStored);
  EXPECT_EQ(state_.responses[0], (StoredResponse{3, 0b10}));
  // The same value with a higher sequence is stored: the submit barrier counts sequences.
  EXPECT_EQ(RunNow(Save(1, {Write(0, 4, {"B"})})).events.size(), 1u);
  EXPECT_EQ(state_.responses[0].sequence, 4u);
}

TEST_F(DecideTest, InvalidWritesNameEveryFieldAndStoreNothing) {
  Activate();
  ResponseWrite empty = Write(6, 1, {});
  empty.cleared = false;
  ResponseWrite both = Write(7, 1, {"A"});
  both.cleared = true;
  const SaveResponses save = Save(1, {Write(0, 1, {"A"}), Write(99, 1, {"A"}),  // unknown item
                                      Write(1, 0, {"A"}),                       // no sequence
                                      Write(2, 1, {"A", "B", "C"}),             // one too many
                                      Write(3, 1, {"E"}),                       // no such option
                                      Write(4, 1, {"a"}),                       // no option at all
                                      Write(5, 1, {"A", "A"}),                  // twice
                                      empty, both, Write(0, 2, {"B"})});        // item twice
  const State before = state_;
  const Decision decision = RunNow(save);
  EXPECT_EQ(ReasonOf(decision.status), "RESPONSE_INVALID");
  EXPECT_THAT(FieldsOf(decision.status),
              UnorderedElementsAre(
                  "responses[1].item_id", "responses[2].sequence", "responses[3].option_ids",
                  "responses[4].option_ids", "responses[5].option_ids", "responses[6].option_ids",
                  "responses[7].option_ids", "responses[8].cleared", "responses[9].item_id"));
  EXPECT_THAT(decision.acks, IsEmpty());
  EXPECT_EQ(state_, before);
  EXPECT_THAT(FieldsOf(RunNow(Save(1, {})).status), ElementsAre("responses"));
  SaveResponses many{1, {}};
  for (size_t i = 0; i <= kMaxResponses; ++i) many.responses.push_back(Write(i, 1, {"A"}));
  EXPECT_THAT(FieldsOf(RunNow(many).status), ElementsAre("responses"));
}

TEST_F(DecideTest, TakeOverShutsOldDevicesOut) {
  Activate();
  RunNow(TakeOver{});
  EXPECT_EQ(state_.epoch, 2u);
  const Decision stale = RunNow(Save(1, {Write(0, 1, {"A"})}));
  EXPECT_EQ(ReasonOf(stale.status), "EPOCH_STALE");
  EXPECT_THAT(ViewError(stale.status).metadata, ElementsAre(Pair("epoch", "2")));
  EXPECT_EQ(Reason(Save(3, {Write(0, 1, {"A"})})), "EPOCH_UNKNOWN");
  EXPECT_EQ(Reason(Submit{1, {}}), "EPOCH_STALE");
  EXPECT_TRUE(RunNow(Save(2, {Write(0, 1, {"A"})})).status.ok());
}

TEST_F(DecideTest, AnotherCandidateMayDoNothing) {
  Activate();
  const State before = state_;
  const std::vector<Action> actions = {Read{}, Save(1, {Write(0, 1, {"A"})}), Submit{1, {}},
                                       TakeOver{}};
  for (const Action& action : actions) {
    EXPECT_EQ(ReasonOf(Run(action, now_, "bob").status), "SESSION_NOT_YOURS");
    EXPECT_TRUE(Decide(state_, Do(action, "ann"), now_).status.ok());
  }
  EXPECT_EQ(state_, before);
}

TEST_F(DecideTest, SubmitSealsOnlyWhatTheCandidateSaw) {
  Activate();
  RunNow(Save(1, {Write(0, 2, {"A"})}));
  const Decision missing = RunNow(Submit{1, {{ItemId(0), 2}, {ItemId(1), 1}, {ItemId(4), 7}}});
  EXPECT_EQ(ReasonOf(missing.status), "RESPONSES_MISSING");
  EXPECT_THAT(ViewError(missing.status).metadata,
              ElementsAre(Pair("item_ids", ItemId(1) + "," + ItemId(4))));
  EXPECT_EQ(state_.state, SessionState::kActive);
  EXPECT_THAT(FieldsOf(RunNow(Submit{1, {{"nowhere", 1}, {ItemId(0), 0}}}).status),
              UnorderedElementsAre("seen[0].item_id", "seen[1].sequence"));

  now_ += Minutes(3);
  EXPECT_TRUE(RunNow(Submit{1, {{ItemId(0), 1}}}).status.ok());
  EXPECT_EQ(state_.state, SessionState::kSubmitted);
  EXPECT_EQ(state_.ended_at, kStart + Minutes(3));
  EXPECT_EQ(state_.attempt_version, 1u);

  const State sealed = state_;
  now_ += Minutes(3);
  EXPECT_TRUE(RunNow(Submit{1, {{ItemId(5), 9}}}).status.ok());
  EXPECT_EQ(Reason(Submit{2, {}}), "EPOCH_UNKNOWN");
  const Decision save = RunNow(Save(1, {Write(0, 9, {"B"})}));
  EXPECT_EQ(ReasonOf(save.status), "SESSION_SEALED");
  EXPECT_THAT(ViewError(save.status).metadata,
              Contains(Pair("end_time", "2027-01-15T08:03:00.000000Z")));
  EXPECT_EQ(state_, sealed);
}

TEST_F(DecideTest, TheDeadlineIsJudgedFirst) {
  Activate();
  const Time deadline = kStart + kBase;
  EXPECT_TRUE(Run(Save(1, {Write(0, 1, {"A"})}), deadline - Micros(1)).status.ok());
  State copy = state_;
  // At the deadline a save is too late, and the seal is written all the same.
  const Decision save = Run(Save(1, {Write(0, 2, {"B"})}), deadline);
  EXPECT_EQ(ReasonOf(save.status), "SESSION_SEALED");
  EXPECT_THAT(save.events, ElementsAre(Event(Sealed{SessionState::kExpired, deadline})));
  EXPECT_EQ(state_.responses[0].sequence, 1u);

  // Hours later a submit is answered as the sealed session answers it: ended at the deadline.
  state_ = copy;
  const Decision submit = Run(Submit{1, {{ItemId(9), 4}}}, deadline + Minutes(300));
  EXPECT_TRUE(submit.status.ok());
  EXPECT_EQ(state_.state, SessionState::kExpired);
  EXPECT_EQ(state_.ended_at, deadline);

  // A stranger's question seals too, and is refused.
  state_ = copy;
  EXPECT_EQ(ReasonOf(Run(Read{}, deadline, "bob").status), "SESSION_NOT_YOURS");
  EXPECT_EQ(state_.state, SessionState::kExpired);

  // An invalid save does not stand in the way of the seal.
  state_ = copy;
  EXPECT_EQ(ReasonOf(Run(Save(0, {}), deadline).status), "SESSION_SEALED");
  EXPECT_EQ(state_.state, SessionState::kExpired);
}

TEST_F(DecideTest, ViewIsRightBeforeTheSealIsWritten) {
  Activate();
  EXPECT_EQ(ViewAt(state_, kStart + Minutes(1)).remaining, kBase - Minutes(1));
  const View view = ViewAt(state_, kStart + kBase + Seconds(7));
  EXPECT_EQ(view.state, SessionState::kExpired);
  EXPECT_EQ(view.remaining, Duration(0));
  EXPECT_EQ(view.ended_at, kStart + kBase);
}

TEST_F(DecideTest, ExpireNeedsTheDeadline) {
  EXPECT_EQ(Reason(Expire{}), "SESSION_NOT_FOUND");
  RunNow(Reserve{{"ann", "CLF-C02", "req-1"}});
  EXPECT_EQ(Reason(Expire{}), "DEADLINE_NOT_REACHED");
  RunNow(Start{fixtures::MakeForm()});
  const Decision early = Run(Expire{}, kStart + kBase - Micros(1));
  EXPECT_EQ(ReasonOf(early.status), "DEADLINE_NOT_REACHED");
  EXPECT_THAT(ViewError(early.status).metadata,
              ElementsAre(Pair("deadline_version", "1"),
                          Pair("deadline_us", std::to_string(ToUnixMicros(kStart + kBase)))));
  EXPECT_EQ(Run(Expire{}, kStart + kBase + Minutes(37)).events.size(), 1u);
  EXPECT_EQ(state_.ended_at, kStart + kBase);
  EXPECT_THAT(Run(Expire{}, kStart + kBase + Minutes(38)).events, IsEmpty());
  EXPECT_EQ(state_.attempt_version, 1u);
}

TEST_F(DecideTest, GrantsMoveTheDeadlineOnceEach) {
  RunNow(Reserve{{"ann", "CLF-C02", "req-1"}});
  const GrantTime before{{"g1", Minutes(10)}, "proctor", "late start"};
  EXPECT_TRUE(RunNow(before).status.ok());  // before the start
  RunNow(Start{fixtures::MakeForm()});
  EXPECT_EQ(DueTime(state_), kStart + kBase + Minutes(10));
  EXPECT_THAT(RunNow(before).events, IsEmpty());
  EXPECT_EQ(Reason(GrantTime{{"g1", Minutes(11)}, "proctor", "x"}), "GRANT_CONFLICT");
  const GrantTime late{{"g2", Minutes(20)}, "proctor", "power cut"};
  Run(late, kStart + kBase + Minutes(10) - Micros(1));  // at the last moment
  EXPECT_EQ(state_.deadline_version, 3u);
  EXPECT_EQ(DueTime(state_), kStart + kBase + Minutes(30));
  now_ = kStart + kBase + Minutes(29);
  EXPECT_EQ(Reason(Expire{}), "DEADLINE_NOT_REACHED");  // a timer that knew the old deadline
  EXPECT_EQ(Reason(GrantTime{{"g3", -Minutes(1)}, "proctor", "x"}), "GRANT_INVALID");
  EXPECT_EQ(Reason(GrantTime{{"g3", Duration(0)}, "proctor", "x"}), "GRANT_INVALID");
  EXPECT_EQ(Reason(GrantTime{{"g3", Duration::max()}, "proctor", "x"}), "GRANT_INVALID");
  EXPECT_EQ(Reason(GrantTime{{"g3", Duration::min()}, "proctor", "x"}), "GRANT_INVALID");
  EXPECT_EQ(Reason(GrantTime{{"", Minutes(1)}, "", ""}), "GRANT_INVALID");
  now_ = kStart + kBase + Minutes(30);
  EXPECT_EQ(Reason(GrantTime{{"g4", Minutes(5)}, "proctor", "x"}), "SESSION_SEALED");
  EXPECT_TRUE(RunNow(late).status.ok());  // a repeat after the seal is still answered the same
  EXPECT_EQ(state_.state, SessionState::kExpired);
}

TEST_F(DecideTest, AClockThatGoesBackGivesNoTimeAndBreaksNoOrder) {
  Activate();
  Run(Save(1, {Write(0, 1, {"A"})}), kStart + Minutes(50));
  Run(Submit{1, {}}, kStart + Minutes(40));  // received earlier, decided later
  EXPECT_EQ(state_.ended_at, kStart + Minutes(50));
}

TEST_F(DecideTest, ScoresAreRecordedOncePerVersion) {
  Activate();
  const auto report = std::make_shared<const std::string>("report-1");
  const auto second = std::make_shared<const std::string>("report-2");
  EXPECT_EQ(Reason(RecordScore{1, report, true}), "SESSION_NOT_SEALED");
  EXPECT_EQ(Reason(Release{"olga", "reviewed"}), "SESSION_NOT_SCORED");
  RunNow(Submit{1, {}});
  EXPECT_EQ(Reason(RecordScore{0, report, true}), "SCORE_INVALID");
  EXPECT_EQ(RunNow(RecordScore{1, report, false}).events.size(), 1u);
  EXPECT_EQ(state_.state, SessionState::kScored);
  EXPECT_EQ(RunNow(RecordScore{1, report, true}).events.size(), 1u);
  EXPECT_EQ(state_.state, SessionState::kReleased);
  EXPECT_THAT(RunNow(RecordScore{1, report, true}).events, IsEmpty());
  EXPECT_THAT(RunNow(Release{"olga", "reviewed"}).events, IsEmpty());
  EXPECT_EQ(Reason(RecordScore{1, second, true}), "SCORE_CONFLICT");
  EXPECT_EQ(RunNow(RecordScore{2, second, true}).events.size(), 1u);
  EXPECT_EQ(state_.state, SessionState::kReleased);
  EXPECT_THAT(RunNow(RecordScore{1, report, true}).events, IsEmpty());  // old news
  EXPECT_EQ(*state_.report, "report-2");
}

TEST_F(DecideTest, AResultIsHeldBackUntilItIsReleased) {
  Activate();
  const auto report = std::make_shared<const std::string>("report-1");
  EXPECT_EQ(Reason(HoldScore{"olga", ""}), "ACT_INVALID");
  ASSERT_TRUE(RunNow(HoldScore{"olga", "under review"}).status.ok());
  EXPECT_THAT(RunNow(HoldScore{"olga", "again"}).events, IsEmpty());
  RunNow(Submit{1, {}});
  RunNow(RecordScore{1, report, true});
  EXPECT_EQ(state_.state, SessionState::kScored);
  EXPECT_EQ(Reason(Release{"olga", ""}), "ACT_INVALID");
  RunNow(Release{"olga", "reviewed"});
  EXPECT_EQ(state_.state, SessionState::kReleased);
  EXPECT_FALSE(state_.held);
  EXPECT_EQ(Reason(HoldScore{"olga", "too late"}), "SCORE_RELEASED");
}

TEST_F(DecideTest, AHoldThatEndsBeforeThereIsAResultLeavesNothingBehind) {
  Activate();
  RunNow(HoldScore{"olga", "under review"});
  ASSERT_TRUE(RunNow(Release{"olga", "a mistake"}).status.ok());
  EXPECT_EQ(state_.state, SessionState::kActive);
  RunNow(Submit{1, {}});
  RunNow(RecordScore{1, std::make_shared<const std::string>("report-1"), true});
  EXPECT_EQ(state_.state, SessionState::kReleased);
}

// Two screens, one of which never heard of the extension.
TEST_F(DecideTest, ACountdownOfTheClientsEndsNothing) {
  Activate();
  RunNow(GrantTime{{"g1", Minutes(30)}, "proctor", "x"});
  now_ = kStart + kBase + Seconds(1);
  const Decision old = RunNow(Submit{.epoch = 1, .seen = {}, .time_up = true});
  EXPECT_EQ(ReasonOf(old.status), "DEADLINE_NOT_REACHED");
  EXPECT_THAT(old.events, IsEmpty());
  EXPECT_EQ(state_.state, SessionState::kActive);
  now_ = kStart + kBase + Minutes(30);
  EXPECT_EQ(Reason(Submit{.epoch = 1, .seen = {}, .time_up = true}), "");
  EXPECT_EQ(state_.state, SessionState::kExpired);
  EXPECT_EQ(state_.ended_at, kStart + kBase + Minutes(30));
}

TEST_F(DecideTest, ALateRepeatOfAnActDoesNotUndoWhatCameAfterIt) {
  Activate();
  const Pause pause{"proctor", "fire drill", state_.deadline_version};
  RunNow(pause);
  EXPECT_EQ(Reason(pause), "") << "a repeat while it still holds";
  const Resume resume{"proctor", "all clear", state_.deadline_version};
  RunNow(resume);
  EXPECT_EQ(Reason(pause), "SESSION_CHANGED");
  EXPECT_EQ(state_.state, SessionState::kActive);
  RunNow(Pause{"proctor", "again", state_.deadline_version});
  EXPECT_EQ(Reason(resume), "SESSION_CHANGED");
  EXPECT_EQ(state_.state, SessionState::kPaused);
  const Terminate end{"proctor", "left the room", state_.deadline_version};
  RunNow(end);
  EXPECT_EQ(Reason(end), "");
  RunNow(Reopen{{"g1", Minutes(5)}, "proctor", "came back"});
  EXPECT_EQ(Reason(end), "SESSION_CHANGED");
  EXPECT_EQ(state_.state, SessionState::kActive);
}

TEST_F(DecideTest, AStartedSessionIsNotVoidedWithItsReservation) {
  Activate();
  EXPECT_THAT(RunNow(Void{.reason = "no form", .if_not_started = true}).events, IsEmpty());
  EXPECT_EQ(state_.state, SessionState::kActive);
}

TEST_F(DecideTest, AVoidedSessionDoesNothingMore) {
  Activate();
  EXPECT_EQ(Reason(Void{""}), "VOID_INVALID");
  EXPECT_TRUE(RunNow(Void{"wrong person"}).status.ok());
  EXPECT_THAT(RunNow(Void{"again"}).events, IsEmpty());
  EXPECT_EQ(Reason(Save(1, {Write(0, 1, {"A"})})), "SESSION_NOT_ACTIVE");
  EXPECT_EQ(Reason(Submit{1, {}}), "SESSION_NOT_ACTIVE");
  EXPECT_EQ(Reason(TakeOver{}), "SESSION_NOT_ACTIVE");
  EXPECT_EQ(Reason(Start{fixtures::MakeForm()}), "SESSION_NOT_ACTIVE");
  const auto report = std::make_shared<const std::string>("r");
  EXPECT_EQ(Reason(RecordScore{1, report, true}), "SESSION_VOIDED");
  EXPECT_THAT(Run(Expire{}, kStart + kBase).events, IsEmpty());
}

TEST_F(DecideTest, NothingUnreadableGetsIntoTheLog) {
  EXPECT_THAT(FieldsOf(RunNow(Reserve{{"\xff", "", std::string(65, 'r')}}).status),
              ElementsAre("candidate_id", "exam_id", "request_id"));
  EXPECT_FALSE(state_.exists());
  Activate();
  EXPECT_EQ(Reason(GrantTime{{"g", Minutes(1)}, "\xff", "x"}), "GRANT_INVALID");
  EXPECT_EQ(Reason(Void{"\xff"}), "VOID_INVALID");
}

TEST_F(DecideTest, StartNeedsAForm) {
  RunNow(Reserve{{"ann", "CLF-C02", "req-1"}});
  EXPECT_EQ(Reason(Save(1, {Write(0, 1, {"A"})})), "SESSION_NOT_ACTIVE");
  EXPECT_EQ(Reason(Submit{1, {}}), "SESSION_NOT_ACTIVE");
  EXPECT_EQ(Reason(Start{nullptr}), "FORM_INVALID");
}

}  // namespace
}  // namespace invigil::session
