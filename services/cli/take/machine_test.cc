#include "services/cli/take/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/cli/take/draw.h"
#include "services/cli/take/test_session.h"

namespace invigil::cli::take {
namespace {

using Kind = Key::Kind;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class MachineTest : public ::testing::Test {
 protected:
  // Types characters; returns everything the machine asked for, put together.
  Outbox Type(const std::string& text) {
    Outbox all;
    for (char c : text) Merge(all, Press(state_, {Kind::kCharacter, c}, now_));
    return all;
  }
  Outbox Hit(Kind kind) { return Press(state_, {kind}, now_); }
  Outbox Tell(const News& news) { return Take(state_, news, now_); }
  static void Merge(Outbox& all, Outbox more) {
    all.writes.insert(all.writes.end(), more.writes.begin(), more.writes.end());
    if (more.submit) all.submit = more.submit;
    if (more.move) all.move = more.move;
    all.refresh |= more.refresh;
    all.report |= more.report;
    all.leave |= more.leave;
  }
  static Saved AckOf(const session::v1::ResponseWrite& write) {
    Saved saved;
    auto& ack = saved.acks.emplace_back();
    ack.set_item_id(write.item_id());
    ack.set_sequence(write.sequence());
    ack.set_status(session::v1::ACK_STATUS_STORED);
    saved.remaining = Seconds(600);
    return saved;
  }
  std::vector<std::string> Selected(size_t i) const { return state_.answers[i].selected; }
  std::string Screen24() { return Draw(state_, {24, 80}, now_).Text(); }

  Duration now_ = Seconds(1000);
  State state_ = Begin(TestSession(), now_);
};

TEST_F(MachineTest, ChoosesOneAndTakesItBack) {
  Outbox out = Type("a");
  EXPECT_THAT(Selected(0), ElementsAre("A"));
  ASSERT_THAT(out.writes, SizeIs(1));
  EXPECT_EQ(out.writes[0].item_id(), "q1");
  EXPECT_EQ(out.writes[0].sequence(), 1u);
  out = Type("C");
  EXPECT_THAT(Selected(0), ElementsAre("C"));
  EXPECT_EQ(out.writes[0].sequence(), 2u);
  out = Type("3");
  EXPECT_THAT(Selected(0), IsEmpty());
  EXPECT_TRUE(out.writes[0].cleared());
  EXPECT_EQ(out.writes[0].sequence(), 3u);
}

TEST_F(MachineTest, ChoosesNoMoreThanAsked) {
  Type("n");  // choose 2 of 6
  Type("ca");
  EXPECT_THAT(Selected(1), ElementsAre("A", "C"));
  EXPECT_THAT(Type("b").writes, IsEmpty());
  EXPECT_THAT(Selected(1), ElementsAre("A", "C"));
  EXPECT_THAT(state_.message, HasSubstr("Choose only 2"));
  Type("cb");
  EXPECT_THAT(Selected(1), ElementsAre("A", "B"));
}

TEST_F(MachineTest, SmallFFlagsAndLargeFChoosesTheSixth) {
  Type("nf");
  EXPECT_TRUE(state_.answers[1].flagged);
  EXPECT_THAT(Selected(1), IsEmpty());
  Type("F");
  EXPECT_THAT(Selected(1), ElementsAre("F"));
  Type("p");
  Type("F");  // the first has four options: F can only mean the flag
  EXPECT_TRUE(state_.answers[0].flagged);
}

TEST_F(MachineTest, OptionsAnItemLacksDoNothing) {
  EXPECT_THAT(Type("e9").writes, IsEmpty());
  EXPECT_THAT(Selected(0), IsEmpty());
  EXPECT_THAT(state_.message, HasSubstr("does nothing"));
}

TEST_F(MachineTest, MovesAndStopsAtTheEnds) {
  Type("p");
  EXPECT_EQ(state_.current, 0u);
  Hit(Kind::kRight);
  Type("n");
  EXPECT_EQ(state_.current, 2u);
  Hit(Kind::kEnd);
  EXPECT_EQ(state_.current, 39u);
  Type("n");
  EXPECT_EQ(state_.view, View::kReview);
  Hit(Kind::kEscape);
  Hit(Kind::kHome);
  EXPECT_EQ(state_.current, 0u);
}

TEST_F(MachineTest, GoesToANumber) {
  Type("g17");
  EXPECT_THAT(Screen24(), HasSubstr("Go to question: 17_"));
  Hit(Kind::kBackspace);
  Type("2");
  Hit(Kind::kEnter);
  EXPECT_EQ(state_.current, 11u);
  Type("g99");
  Hit(Kind::kEnter);
  EXPECT_EQ(state_.view, View::kGoTo);
  EXPECT_THAT(state_.message, HasSubstr("1 to 40"));
  Hit(Kind::kEscape);
  EXPECT_EQ(state_.current, 11u);
  EXPECT_EQ(state_.view, View::kQuestion);
}

TEST_F(MachineTest, ReviewListsFiltersAndOpens) {
  Type("anafnar");  // item 2 has one of two choices
  EXPECT_EQ(state_.view, View::kReview);
  EXPECT_EQ(AnsweredCount(state_), 2u);
  Type("u");
  EXPECT_THAT(ReviewItems(state_), SizeIs(38));
  EXPECT_EQ(ReviewItems(state_)[0], 1u);
  EXPECT_THAT(Screen24(), HasSubstr("A, 1 of 2"));
  Type("f");
  EXPECT_THAT(ReviewItems(state_), ElementsAre(1u));
  Type("a");
  Hit(Kind::kDown);
  Hit(Kind::kDown);
  Hit(Kind::kPageDown);
  Hit(Kind::kUp);
  const size_t at = state_.review_cursor;
  Hit(Kind::kEnter);
  EXPECT_EQ(state_.view, View::kQuestion);
  EXPECT_EQ(state_.current, at);
}

TEST_F(MachineTest, ResumesWithWhatIsStored) {
  session::v1::Session session = TestSession();
  auto* stored = session.add_responses();
  stored->set_item_id("q1");
  stored->set_sequence(7);
  stored->add_option_ids("B");
  stored = session.add_responses();
  stored->set_item_id("q3");
  stored->set_sequence(4);
  stored->set_cleared(true);
  state_ = Begin(session, now_);
  EXPECT_THAT(Selected(0), ElementsAre("B"));
  EXPECT_EQ(UnsavedCount(state_), 0u);
  EXPECT_EQ(state_.current, 1u);
  EXPECT_EQ(Type("pa").writes[0].sequence(), 8u);
  EXPECT_EQ(Type("nna").writes[0].sequence(), 5u);
}

TEST_F(MachineTest, SaysSavedOnlyWhenTheNewestWriteIs) {
  const Outbox first = Type("a");
  EXPECT_THAT(Screen24(), HasSubstr("saving"));
  const Outbox second = Type("b");
  Tell(AckOf(first.writes[0]));
  EXPECT_EQ(UnsavedCount(state_), 1u);
  Tell(Offline{"away"});
  EXPECT_THAT(Screen24(), HasSubstr("offline, 1 answer waiting, will retry"));
  Tell(AckOf(second.writes[0]));
  EXPECT_EQ(UnsavedCount(state_), 0u);
  EXPECT_THAT(Screen24(), HasSubstr("saved"));
  EXPECT_THAT(Screen24(), Not(HasSubstr("offline")));
}

TEST_F(MachineTest, TakesTheServersValueWhenAWriteIsStale) {
  const Outbox out = Type("a");
  Saved saved = AckOf(out.writes[0]);
  saved.acks[0].set_status(session::v1::ACK_STATUS_STALE);
  saved.acks[0].mutable_stored()->set_item_id("q1");
  saved.acks[0].mutable_stored()->set_sequence(5);
  saved.acks[0].mutable_stored()->add_option_ids("D");
  Tell(saved);
  EXPECT_THAT(Selected(0), ElementsAre("D"));
  EXPECT_EQ(UnsavedCount(state_), 0u);
  EXPECT_THAT(state_.message, HasSubstr("another device"));
  EXPECT_EQ(Type("b").writes[0].sequence(), 6u);
}

TEST_F(MachineTest, CountsDownAndBelievesTheServer) {
  EXPECT_EQ(TimeLeft(state_, now_ + Seconds(10)), Seconds(590));
  Tell(Update{session::v1::SESSION_STATE_ACTIVE, Seconds(1200), 2, 1});  // a grant
  EXPECT_EQ(TimeLeft(state_, now_), Seconds(1200));
  Tell(Update{session::v1::SESSION_STATE_ACTIVE, Seconds(500), 1, 1});  // was on its way before it
  EXPECT_EQ(TimeLeft(state_, now_), Seconds(1200));
}

TEST_F(MachineTest, AsksTheServerWhenTimeIsUpAndNeverSealsItself) {
  now_ += Seconds(599);
  EXPECT_FALSE(Tick(state_, now_).refresh);
  now_ += Seconds(1);
  EXPECT_TRUE(Tick(state_, now_).refresh);
  EXPECT_FALSE(state_.sealed);
  EXPECT_FALSE(Tick(state_, now_).refresh);  // not in every turn
  now_ += Seconds(1);
  EXPECT_TRUE(Tick(state_, now_).refresh);
  const Outbox out = Tell(Update{session::v1::SESSION_STATE_EXPIRED, Duration(0), 1, 1});
  EXPECT_TRUE(out.report);
  EXPECT_THAT(Screen24(), HasSubstr("sealed the session at its deadline"));
  session::v1::GetScoreReportResponse report;
  report.set_scaled_score(640);
  report.set_scale_max(1000);
  Tell(Report{report});
  EXPECT_THAT(Screen24(), HasSubstr("Scaled score   640   FAIL"));
  EXPECT_FALSE(Type("a").leave);
  EXPECT_TRUE(Type("q").leave);
}

TEST_F(MachineTest, TimeIsNotUpWhenTheDeadlineMoved) {
  now_ += Seconds(600);
  Tick(state_, now_);
  Tell(Update{session::v1::SESSION_STATE_ACTIVE, Seconds(300), 2, 1});
  EXPECT_FALSE(Tick(state_, now_).refresh);
  EXPECT_EQ(TimeLeft(state_, now_), Seconds(300));
}

TEST_F(MachineTest, SubmitsWhatTheScreenShowsAfterAQuestion) {
  Type("anab");
  EXPECT_FALSE(Type("s").submit.has_value());
  EXPECT_THAT(Screen24(), HasSubstr("38 questions are unanswered"));
  EXPECT_FALSE(Type("n").submit.has_value());
  EXPECT_EQ(state_.view, View::kQuestion);
  const Outbox out = Type("sy");
  ASSERT_TRUE(out.submit.has_value());
  ASSERT_THAT(*out.submit, SizeIs(2));
  EXPECT_EQ((*out.submit)[0].item_id(), "q1");
  EXPECT_EQ((*out.submit)[1].sequence(), 2u);
}

TEST_F(MachineTest, SendsAllAgainWhenTheServerMissesSome) {
  const Outbox first = Type("a");
  Tell(AckOf(first.writes[0]));
  Type("sy");
  const Outbox again = Tell(Refused{"RESPONSES_MISSING", "send them again"});
  EXPECT_THAT(again.writes, SizeIs(1));
  EXPECT_TRUE(again.submit.has_value());
  Tell(Refused{"RESPONSES_MISSING", "send them again"});
  Tell(Refused{"RESPONSES_MISSING", "send them again"});
  EXPECT_EQ(state_.view, View::kEnded);  // not for ever
}

TEST_F(MachineTest, WarnsWhenTheReceiptDiffers) {
  Type("asy");
  Submitted submitted;
  submitted.response.set_state(session::v1::SESSION_STATE_RELEASED);
  submitted.response.mutable_report()->set_scaled_score(500);
  Tell(submitted);
  EXPECT_TRUE(state_.receipt_differs);
  EXPECT_THAT(Screen24(), HasSubstr("differs from what this screen showed"));
}

TEST_F(MachineTest, GoesOnAfterAPauseAndSendsWhatWaited) {
  const Outbox out = Type("a");
  Tell(Refused{"SESSION_NOT_ACTIVE", "paused"});
  Tell(Update{session::v1::SESSION_STATE_PAUSED, Seconds(400), 1, 1});
  now_ += Seconds(100);
  EXPECT_EQ(TimeLeft(state_, now_), Seconds(400));
  EXPECT_THAT(Type("b").writes, IsEmpty());
  EXPECT_THAT(Screen24(), HasSubstr("Clock stopped at 06:40"));
  const Outbox again = Tell(Update{session::v1::SESSION_STATE_ACTIVE, Seconds(400), 2, 1});
  ASSERT_THAT(again.writes, SizeIs(1));
  EXPECT_EQ(again.writes[0].sequence(), out.writes[0].sequence());
}

Update WithMessages(uint32_t unconfirmed, const std::string& id = "",
                    const std::string& text = "") {
  Update update{session::v1::SESSION_STATE_ACTIVE, Seconds(600), 1, 1};
  update.unconfirmed_messages = unconfirmed;
  if (id.empty()) return update;
  auto& message = update.messages.emplace_back();
  message.set_message_id(id);
  message.set_text(text);
  return update;
}

TEST_F(MachineTest, AMessageOfTheStaffIsReadBeforeAnythingElse) {
  EXPECT_FALSE(Tell(WithMessages(1, "m1", "Five minutes\x1b[2J more.")).reload);
  EXPECT_THAT(Screen24(), AllOf(HasSubstr("A message from the staff"), HasSubstr("Five minutes"),
                                Not(HasSubstr("\x1b"))));
  EXPECT_THAT(Type("a").writes, IsEmpty()) << "keys for the exam do nothing meanwhile";
  EXPECT_THAT(Screen24(), HasSubstr("Press Enter when you have read the message."));
  EXPECT_THAT(Hit(Kind::kEnter).confirm, ElementsAre("m1"));
  EXPECT_THAT(Screen24(), HasSubstr("Question 1 of 40"));
  // Until the server knows it tells of it again: that is no news, and nothing to ask for.
  EXPECT_FALSE(Tell(WithMessages(1, "m1", "Five minutes more.")).reload);
  EXPECT_THAT(Screen24(), HasSubstr("Question 1 of 40"));
  Tell(Confirmed{"m1"});
  EXPECT_THAT(Type("a").writes, SizeIs(1));
}

TEST_F(MachineTest, SeveralMessagesAtOnceAreAskedForAndReadInOrder) {
  EXPECT_TRUE(Tell(WithMessages(2, "m2", "second")).reload);
  auto session = TestSession();
  for (const char* id : {"m1", "m2", "old", "mine"}) {
    auto* message = session.add_messages();
    message->set_message_id(id);
    message->set_text(id);
    message->set_confirmed(std::string(id) == "old");
    message->set_from_candidate(std::string(id) == "mine");
  }
  EXPECT_FALSE(Tell(Loaded{session}).reload);
  EXPECT_THAT(Screen24(), AllOf(HasSubstr("second"), HasSubstr("1 more message waits.")));
  EXPECT_THAT(Hit(Kind::kEnter).confirm, ElementsAre("m2"));
  EXPECT_THAT(Hit(Kind::kEnter).confirm, ElementsAre("m1"));
  EXPECT_THAT(Screen24(), HasSubstr("Question 1 of 40"));
  // Who comes back sees what was not read.
  state_ = Begin(session, now_);
  EXPECT_THAT(Screen24(), AllOf(HasSubstr("m1"), HasSubstr("1 more message waits.")));
  // The end of the exam waits for nobody to read.
  EXPECT_TRUE(Tell(Update{session::v1::SESSION_STATE_TERMINATED, Duration(0), 2, 1}).report);
  EXPECT_THAT(Screen24(), HasSubstr("A proctor has ended the session."));
}

TEST_F(MachineTest, SaysWhatTheStaffDoToTheClock) {
  Update paused{session::v1::SESSION_STATE_PAUSED, Seconds(400), 2, 1};
  Tell(paused);
  EXPECT_THAT(Screen24(), HasSubstr("The staff have paused the exam: the clock stands still."));
  Update granted{session::v1::SESSION_STATE_PAUSED, Seconds(700), 3, 1};
  granted.granted = Seconds(300);
  Tell(granted);
  EXPECT_THAT(Screen24(), HasSubstr("The staff have given you 05:00 more."));
  Hit(Kind::kUp);
  EXPECT_THAT(Screen24(), HasSubstr("The staff have paused the exam"));
  granted.state = session::v1::SESSION_STATE_ACTIVE;
  granted.deadline_version = 4;
  Tell(granted);
  EXPECT_THAT(Screen24(), HasSubstr("The pause is over: the clock goes on."));
  granted.granted = Seconds(240);
  granted.deadline_version = 5;
  Tell(granted);
  EXPECT_THAT(Screen24(), HasSubstr("The staff have taken back 01:00."));
}

TEST_F(MachineTest, OffersBreaksOnlyWhereThereAreAny) {
  Type("t");
  EXPECT_EQ(state_.view, View::kQuestion);
  EXPECT_THAT(Screen24(), HasSubstr("This exam has no breaks of your own."));
  auto session = TestSession();
  session.mutable_break_pool_remaining()->set_seconds(300);
  state_ = Begin(session, now_);
  EXPECT_FALSE(Type("ty").move.has_value()) << "only those with the clock stopped";
  EXPECT_THAT(Screen24(), HasSubstr("P takes the break, N goes back."));
  EXPECT_TRUE(Type("p").move->pooled);
}

TEST_F(MachineTest, EndsWhenAnotherDeviceTakesOver) {
  Tell(Refused{"EPOCH_STALE", "old"});
  EXPECT_EQ(state_.view, View::kEnded);
  EXPECT_THAT(Screen24(), HasSubstr("--take-over"));
  EXPECT_TRUE(Type("x").leave);
}

TEST_F(MachineTest, LeavingAsksFirst) {
  EXPECT_FALSE(Type("q").leave);
  EXPECT_FALSE(Type("n").leave);
  EXPECT_FALSE(Hit(Kind::kInterrupt).leave);
  EXPECT_EQ(state_.view, View::kConfirmLeave);
  EXPECT_TRUE(Hit(Kind::kInterrupt).leave);
}

TEST_F(MachineTest, ASealAnywhereShowsTheReport) {
  Type("q");
  EXPECT_TRUE(Tell(Refused{"SESSION_SEALED", "sealed"}).report);
  EXPECT_EQ(state_.view, View::kClosing);
  EXPECT_TRUE(Type("q").leave);
}

}  // namespace
}  // namespace invigil::cli::take
