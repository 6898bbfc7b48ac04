// Exams with parts: what keys and news do between them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "services/cli/take/draw.h"
#include "services/cli/take/machine.h"
#include "services/cli/take/test_session.h"

namespace invigil::cli::take {
namespace {

namespace ses = session::v1;
using Kind = Key::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class PartsTest : public ::testing::Test {
 protected:
  void Enter(uint32_t part) { state_ = Begin(PartsSession(part), now_); }
  // The last of what the machine asked for, and all its writes.
  Outbox Type(const std::string& text) {
    Outbox all;
    for (char c : text) {
      Outbox out = Press(state_, {Kind::kCharacter, c}, now_);
      out.writes.insert(out.writes.begin(), all.writes.begin(), all.writes.end());
      all = std::move(out);
    }
    return all;
  }
  Outbox Hit(Kind kind) { return Press(state_, {kind}, now_); }
  Outbox Tell(const News& news) { return Take(state_, news, now_); }
  Outbox Load(const ses::Session& session, bool after_move = false) {
    return Tell(Loaded{session, after_move});
  }
  Outbox Acknowledge(const Outbox& out) {
    Saved saved;
    for (const auto& write : out.writes) {
      auto& ack = saved.acks.emplace_back();
      ack.set_item_id(write.item_id());
      ack.set_sequence(write.sequence());
      ack.set_status(ses::ACK_STATUS_STORED);
    }
    return Tell(saved);
  }
  static Rejected RejectionOf(const char* reason, const ses::ResponseWrite& write,
                              const ses::Session& session) {
    Rejected rejected{reason, {{write.sequence(), {}}}};
    rejected.items[0].stored.set_item_id(write.item_id());
    for (const auto& stored : session.responses()) {
      if (stored.item_id() == write.item_id()) rejected.items[0].stored = stored;
    }
    return rejected;
  }
  std::vector<std::string> Selected(size_t i) const { return state_.answers[i].selected; }
  std::string Text() { return Draw(state_, {24, 80}, now_).Text(); }

  Duration now_ = Seconds(1000);
  State state_;
};

TEST_F(PartsTest, AnAgreementIsReadAndAccepted) {
  Enter(0);
  EXPECT_EQ(state_.view, View::kReading);
  EXPECT_THAT(Text(), HasSubstr("You will not tell anybody."));
  EXPECT_THAT(Text(), HasSubstr("Accept within 02:00"));
  EXPECT_FALSE(Hit(Kind::kEnter).move.has_value());  // not by accident
  const Outbox out = Type("a");
  ASSERT_TRUE(out.move.has_value());
  EXPECT_EQ(out.move->kind, Move::Kind::kLeave);
  EXPECT_EQ(out.move->part, 0u);
  EXPECT_TRUE(out.move->accept);
  EXPECT_EQ(state_.view, View::kMoving);
  Load(PartsSession(1), true);
  EXPECT_THAT(Text(), HasSubstr("How it works."));
  EXPECT_EQ(Hit(Kind::kEnter).move->part, 1u);
  Load(PartsSession(2), true);
  EXPECT_EQ(state_.view, View::kQuestion);
  EXPECT_THAT(Text(), HasSubstr("Question 1 of 4"));
}

TEST_F(PartsTest, DecliningAsksFirstAndEndsAll) {
  Enter(0);
  EXPECT_FALSE(Type("d").move.has_value());
  EXPECT_THAT(Text(), HasSubstr("ends the exam now, for good"));
  EXPECT_FALSE(Type("n").move.has_value());
  EXPECT_EQ(state_.view, View::kReading);
  const Outbox out = Type("dy");
  ASSERT_TRUE(out.move.has_value());
  EXPECT_FALSE(out.move->accept);
  auto session = PartsSession(0);
  session.set_state(ses::SESSION_STATE_TERMINATED);
  EXPECT_FALSE(Load(session, true).report);
  EXPECT_EQ(state_.view, View::kEnded);
  EXPECT_THAT(Text(), HasSubstr("You declined the agreement"));
}

TEST_F(PartsTest, ASectionIsLeftAfterAWarningAndOnlyOnce) {
  Enter(2);
  const Outbox answered = Type("an");
  Type("s");
  EXPECT_EQ(state_.view, View::kConfirmPart);
  EXPECT_THAT(Text(), HasSubstr("3 questions are unanswered"));
  EXPECT_THAT(Text(), HasSubstr("You cannot come back"));
  EXPECT_THAT(Text(), HasSubstr("unused time of it is"));
  EXPECT_THAT(Text(), HasSubstr("Then comes a break: Rest, 05:00."));
  Type("r");
  EXPECT_EQ(state_.view, View::kReview);
  const Outbox out = Type("sy");
  EXPECT_FALSE(out.submit.has_value()) << "that would seal the exam after its first section";
  ASSERT_TRUE(out.move.has_value());
  EXPECT_EQ(out.move->part, 2u);
  ASSERT_THAT(out.move->seen, SizeIs(1));
  EXPECT_EQ(out.move->seen[0].item_id(), "q1");
  EXPECT_EQ(out.move->seen[0].sequence(), 1u);
  // The server lacks the answer: it gets it, and is asked again.
  const Outbox again = Tell(Refused{"RESPONSES_MISSING", "send them again"});
  EXPECT_THAT(again.writes, SizeIs(1));
  EXPECT_TRUE(again.move.has_value());
  Acknowledge(again);
  auto session = PartsSession(3);
  Store(session, "q1", 1, "A");
  Load(session, true);
  EXPECT_EQ(state_.view, View::kBreak);
  EXPECT_EQ(UnsavedCount(state_), 0u);
}

TEST_F(PartsTest, AScheduledBreakCountsDownAndIsEndedByItsNumber) {
  Enter(3);
  EXPECT_THAT(Text(), HasSubstr("Break ends in 02:00"));
  EXPECT_THAT(Text(), HasSubstr("Break 1. The exam's clock stands still."));
  now_ += Seconds(90);
  EXPECT_THAT(Text(), HasSubstr("Break ends in 00:30"));
  EXPECT_FALSE(Hit(Kind::kEnter).move.has_value());
  const Outbox out = Type("e");
  ASSERT_TRUE(out.move.has_value());
  EXPECT_EQ(out.move->kind, Move::Kind::kEndBreak);
  EXPECT_EQ(out.move->break_number, 1u);
  Load(PartsSession(4), true);
  EXPECT_EQ(state_.view, View::kQuestion);
  EXPECT_THAT(Text(), HasSubstr("Question 1 of 3"));
  EXPECT_THAT(Text(), HasSubstr("question 5?"));
}

TEST_F(PartsTest, TheScreenFollowsWhenTimeGoesOn) {
  Enter(2);
  const Outbox answered = Type("anb");
  Saved first;
  first.acks.resize(1);
  first.acks[0].set_item_id("q1");
  first.acks[0].set_sequence(1);
  first.acks[0].set_status(ses::ACK_STATUS_STORED);
  Tell(first);
  EXPECT_EQ(UnsavedCount(state_), 1u);
  now_ += Seconds(120);
  EXPECT_TRUE(Tick(state_, now_).refresh) << "only the server ends a part";
  const Update update{ses::SESSION_STATE_ON_BREAK, Seconds(300), 4, 1, 3,
                      ses::BREAK_KIND_SCHEDULED};
  const Outbox out = Tell(update);
  EXPECT_TRUE(out.reload);
  EXPECT_EQ(state_.view, View::kQuestion) << "until it is known what to show";
  auto session = PartsSession(3);
  Store(session, "q1", 1, "A");
  Load(session);
  EXPECT_EQ(state_.view, View::kBreak);
  EXPECT_THAT(Text(), HasSubstr("1 answer had not reached the suite"));
  EXPECT_THAT(Selected(1), IsEmpty()) << "what the screen shows is what counts";
  EXPECT_EQ(UnsavedCount(state_), 0u);
  // The refusal of the write that was on its way says nothing new.
  Type("x");
  Tell(RejectionOf("ITEMS_LOCKED", answered.writes[1], session));
  EXPECT_THAT(state_.message, IsEmpty());
  EXPECT_FALSE(Tell(update).reload) << "it is known now";
  EXPECT_FALSE(Tell(Update{ses::SESSION_STATE_ACTIVE, Seconds(9), 3, 1, 2}).reload) << "outdated";
}

TEST_F(PartsTest, AnUnscheduledBreakLocksWhatWasSeen) {
  Enter(2);
  Type("ant");  // the first was answered, the second seen
  EXPECT_EQ(state_.view, View::kConfirmBreak);
  EXPECT_THAT(Text(), HasSubstr("locked: 2 questions can't be changed"));
  EXPECT_THAT(Text(), Not(HasSubstr("P with it stopped")));
  EXPECT_FALSE(Type("p").move.has_value());
  Outbox out = Type("y");
  ASSERT_TRUE(out.move.has_value());
  EXPECT_EQ(out.move->kind, Move::Kind::kTakeBreak);
  EXPECT_EQ(out.move->break_number, 1u);
  EXPECT_FALSE(out.move->pooled);
  EXPECT_THAT(out.move->shown_items, ElementsAre("q1", "q2"));
  EXPECT_THAT(out.move->seen, SizeIs(1));
  auto session = PartsSession(2);
  Store(session, "q1", 1, "A");
  session.set_state(ses::SESSION_STATE_ON_BREAK);
  session.set_break_kind(ses::BREAK_KIND_UNSCHEDULED);
  session.set_break_count(1);
  session.add_locked_item_ids("q1");
  session.add_locked_item_ids("q2");
  Load(session, true);
  EXPECT_THAT(Text(), HasSubstr("Break 1: of your own. The exam's clock runs."));
  EXPECT_THAT(Text(), HasSubstr("Time left 02:00"));
  out = Type("e");
  EXPECT_EQ(out.move->break_number, 1u);
  session.set_state(ses::SESSION_STATE_ACTIVE);
  session.set_break_kind(ses::BREAK_KIND_UNSPECIFIED);
  Load(session, true);
  EXPECT_EQ(state_.view, View::kQuestion);
  EXPECT_EQ(state_.current, 1u) << "where it was";
  EXPECT_THAT(Type("b").writes, IsEmpty());
  EXPECT_THAT(Text(), HasSubstr("Locked: it can be read, not answered."));
  EXPECT_THAT(Type("nc").writes, SizeIs(1));
}

TEST_F(PartsTest, ABreakThatTheExamDoesNotHaveChangesNothing) {
  Enter(2);
  Type("a");
  EXPECT_TRUE(Type("ty").move.has_value());
  EXPECT_TRUE(Tell(Refused{"BREAK_NOT_ALLOWED", "this exam has no unscheduled breaks"}).reload);
  EXPECT_EQ(state_.view, View::kQuestion);
  EXPECT_THAT(Text(), HasSubstr("this exam has no unscheduled breaks"));
  EXPECT_THAT(Type("b").writes, SizeIs(1));
}

TEST_F(PartsTest, APoolOfBreaksIsOffered) {
  auto session = PartsSession(2);
  session.mutable_break_pool_remaining()->set_seconds(300);
  state_ = Begin(session, now_);
  Type("t");
  EXPECT_THAT(Text(), HasSubstr("You have 05:00 for breaks"));
  EXPECT_TRUE(Type("p").move->pooled);
}

TEST_F(PartsTest, ForwardOnlyGoesForwardAndWaitsForTheAnswerLeftBehind) {
  Enter(4);
  Type("a");
  for (const Kind kind : {Kind::kLeft, Kind::kHome, Kind::kEnd}) {
    Hit(kind);
    EXPECT_EQ(state_.current, 4u);
    EXPECT_THAT(state_.message, HasSubstr("only goes forward"));
  }
  Type("g");
  EXPECT_EQ(state_.view, View::kQuestion);
  Outbox out = Type("n");
  EXPECT_EQ(state_.current, 5u);
  ASSERT_TRUE(out.progress.has_value());
  EXPECT_EQ(out.progress->shown_item, "q6");
  ASSERT_THAT(out.progress->seen, SizeIs(1));
  EXPECT_EQ(out.progress->seen[0].item_id(), "q5");
  EXPECT_EQ(out.progress->seen[0].sequence(), 1u);
  // The answer had not arrived: the server gets it, and is told again.
  out = Tell(Refused{"RESPONSES_MISSING", "send them again"});
  ASSERT_THAT(out.writes, SizeIs(1));
  EXPECT_EQ(out.writes[0].item_id(), "q5");
  EXPECT_EQ(out.progress->shown_item, "q6");
  Tell(MarksSaved{});
  // Passing over a question asks.
  EXPECT_FALSE(Type("n").progress.has_value());
  EXPECT_EQ(state_.view, View::kConfirmNext);
  Type("n");
  EXPECT_EQ(state_.current, 5u);
  EXPECT_EQ(Type("ny").progress->shown_item, "q7");
  Type("an");
  EXPECT_EQ(state_.view, View::kConfirmPart) << "the last question leads to the end";
  EXPECT_THAT(Text(), Not(HasSubstr("unused time"))) << "the exam's time is for all sections";
}

TEST_F(PartsTest, ForwardOnlyGoesOnWhereNothingIsLocked) {
  auto session = PartsSession(4);
  Store(session, "q5", 1, "A");
  session.add_locked_item_ids("q5");
  session.add_locked_item_ids("q6");
  state_ = Begin(session, now_);
  EXPECT_EQ(state_.current, 6u);
}

TEST_F(PartsTest, ChangesAreCountedAndConfirmed) {
  Enter(5);
  EXPECT_THAT(Text(), HasSubstr("2 changes left"));
  Acknowledge(Type("a"));
  EXPECT_THAT(Text(), HasSubstr("2 changes left")) << "a first answer is no change";
  EXPECT_THAT(Type("b").writes, IsEmpty());
  EXPECT_THAT(state_.message, HasSubstr("uses 1 of 2 changes left"));
  EXPECT_THAT(Type("c").writes, IsEmpty()) << "another letter is another question";
  const Outbox change = Type("c");
  ASSERT_THAT(change.writes, SizeIs(1));
  EXPECT_THAT(Text(), HasSubstr("1 change left"));
  Acknowledge(change);
  EXPECT_THAT(Text(), HasSubstr("1 change left"));
  Acknowledge(Type("dd"));
  EXPECT_THAT(Text(), HasSubstr("0 changes left"));
  EXPECT_THAT(Type("aa").writes, IsEmpty());
  EXPECT_THAT(Selected(7), ElementsAre("D"));
}

TEST_F(PartsTest, HalfAChoiceIsNotGivenWhereChangesCount) {
  Enter(5);
  Type("n");
  EXPECT_THAT(Type("a").writes, IsEmpty());
  EXPECT_THAT(state_.message, HasSubstr("choose 1 more"));
  const Outbox whole = Type("c");
  ASSERT_THAT(whole.writes, SizeIs(1));
  EXPECT_EQ(whole.writes[0].option_ids_size(), 2);
  Acknowledge(whole);
  EXPECT_THAT(Text(), HasSubstr("2 changes left"));
  Type("aa");  // takes one back, to put another in its place: one change
  const Outbox change = Type("e");
  ASSERT_THAT(change.writes, SizeIs(1));
  Acknowledge(change);
  EXPECT_THAT(Text(), HasSubstr("1 change left"));
  // What is sent again is what was given, not the half of a new choice.
  Type("aa");
  Tell(Update{ses::SESSION_STATE_PAUSED, Seconds(100), 6, 1, 5});
  const Outbox resumed = Tell(Update{ses::SESSION_STATE_ACTIVE, Seconds(100), 7, 1, 5});
  EXPECT_THAT(resumed.writes, IsEmpty());
  state_.submitting = true;
  const Outbox again = Tell(Refused{"RESPONSES_MISSING", "send them again"});
  ASSERT_THAT(again.writes, SizeIs(1));
  EXPECT_EQ(again.writes[0].option_ids_size(), 2);
  Enter(5);
  Acknowledge(Type("nac"));
  // Going on gives what is chosen, and so does time that runs out.
  Type("aa");
  EXPECT_THAT(Type("p").writes, SizeIs(1));
  Enter(5);
  Type("na");
  EXPECT_THAT(Tick(state_, now_).writes, IsEmpty());
  EXPECT_THAT(Tick(state_, now_ + Seconds(116)).writes, SizeIs(1));
}

TEST_F(PartsTest, ARefusedChangeShowsWhatCounts) {
  auto session = PartsSession(5);
  Store(session, "q8", 3, "A");
  state_ = Begin(session, now_);
  EXPECT_EQ(state_.current, 8u) << "where the answers end";
  Outbox out = Type("pbb");
  ASSERT_THAT(out.writes, SizeIs(1));
  Tell(RejectionOf("EDIT_QUOTA_USED", out.writes[0], session));
  EXPECT_THAT(Selected(7), ElementsAre("A"));
  EXPECT_EQ(UnsavedCount(state_), 0u);
  EXPECT_THAT(state_.message, HasSubstr("what counts for question 1"));
  // While it is left: the candidate sees it, and asks again.
  out = Type("ccsy");
  EXPECT_EQ(state_.view, View::kMoving);
  Tell(RejectionOf("ITEMS_LOCKED", out.writes[0], session));
  EXPECT_EQ(state_.view, View::kQuestion);
  EXPECT_THAT(state_.message, HasSubstr("can't be changed any more"));
}

TEST_F(PartsTest, FlagsAreStoredAndRestored) {
  Enter(2);
  Outbox out = Type("f");
  ASSERT_TRUE(out.progress.has_value());
  ASSERT_THAT(out.progress->marks, SizeIs(1));
  EXPECT_TRUE(out.progress->marks[0].flagged());
  EXPECT_EQ(out.progress->marks[0].sequence(), 1u);
  Tell(MarksSaved{out.progress->marks});
  out = Type("nf");
  ASSERT_THAT(out.progress->marks, SizeIs(1)) << "the first is stored";
  EXPECT_EQ(out.progress->marks[0].item_id(), "q2");
  out = Type("f");
  EXPECT_EQ(out.progress->marks[0].sequence(), 2u);
  EXPECT_FALSE(out.progress->marks[0].flagged());

  auto session = PartsSession(2);
  auto* mark = session.add_marks();
  mark->set_item_id("q3");
  mark->set_sequence(4);
  mark->set_flagged(true);
  state_ = Begin(session, now_);
  EXPECT_TRUE(state_.answers[2].flagged);
  EXPECT_EQ(FlaggedCount(state_), 1u);
  EXPECT_EQ(Type("nnf").progress->marks[0].sequence(), 5u);
}

TEST_F(PartsTest, ASurveyEndsTheExam) {
  auto session = PartsSession(6);
  Store(session, "q1", 2, "A");
  state_ = Begin(session, now_);
  EXPECT_THAT(Text(), HasSubstr("How was it?"));
  EXPECT_THAT(Text(), HasSubstr("Enter ends the exam."));
  const Outbox out = Hit(Kind::kEnter);
  ASSERT_TRUE(out.submit.has_value());
  EXPECT_THAT(*out.submit, SizeIs(1));
  Submitted submitted;
  submitted.response.set_state(ses::SESSION_STATE_RELEASED);
  *submitted.response.mutable_receipt() = session.responses();
  submitted.response.mutable_report()->set_scale_max(1000);
  Tell(submitted);
  EXPECT_EQ(state_.view, View::kReport);
  EXPECT_FALSE(state_.receipt_differs);
}

TEST_F(PartsTest, NumbersAreThoseOfTheSection) {
  Enter(5);
  Type("anr");
  EXPECT_THAT(Text(), HasSubstr("  1  A "));
  EXPECT_THAT(ReviewItems(state_), ElementsAre(7u, 8u, 9u));
  Hit(Kind::kEnd);
  Hit(Kind::kEnter);
  EXPECT_EQ(state_.current, 9u);
  Type("g4");
  Hit(Kind::kEnter);
  EXPECT_THAT(state_.message, HasSubstr("1 to 3"));
  Type("2");
  Hit(Kind::kEnter);
  EXPECT_EQ(state_.current, 8u);
}

TEST_F(PartsTest, WhatStandsStillMovesNowhere) {
  Enter(0);
  Tell(Update{ses::SESSION_STATE_PAUSED, Seconds(100), 1, 1});
  EXPECT_FALSE(Type("a").move.has_value());
  EXPECT_THAT(Text(), HasSubstr("Clock stopped at 01:40"));
  Tell(Update{ses::SESSION_STATE_ACTIVE, Seconds(100), 2, 1});
  EXPECT_TRUE(Type("a").move.has_value());
}

// Whatever is typed and heard, in whatever order: the screen can be drawn, a question is of the
// current section, nothing but the last part is submitted, and no answer goes to another section.
TEST_F(PartsTest, AnyKeysAndNewsLeaveTheScreenWhole) {
  const std::string letters = "abcdefFgnpqrstuyhe?123 ";
  const Kind kinds[] = {Kind::kEnter, Kind::kEscape, Kind::kLeft, Kind::kRight,   Kind::kUp,
                        Kind::kDown,  Kind::kHome,   Kind::kEnd,  Kind::kPageDown};
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    uint32_t part = static_cast<uint32_t>(random.Below(7));
    uint32_t version = 10;
    auto session = PartsSession(part);
    session.set_deadline_version(version);
    state_ = Begin(session, now_);
    for (int step = 0; step < 120; ++step) {
      Outbox out;
      const uint64_t what = random.Below(20);
      if (what < 14) {
        out = Press(state_, {Kind::kCharacter, letters[random.Below(letters.size())]}, now_);
      } else if (what < 17) {
        out = Press(state_, {kinds[random.Below(std::size(kinds))]}, now_);
      } else if (what == 17) {
        out = Tick(state_, now_ += Seconds(static_cast<int64_t>(random.Below(100))));
      } else if (what == 18) {
        const char* reasons[] = {"RESPONSES_MISSING", "SESSION_NOT_ACTIVE", "BREAK_NOT_ALLOWED"};
        const bool lacks = state_.moving || state_.submitting || state_.shown;
        out = Tell(Refused{reasons[lacks ? random.Below(3) : 1], "no"});
      } else {
        if (part < 6 && random.Below(2) == 0) ++part;
        session = PartsSession(part);
        session.set_deadline_version(++version);
        session.set_break_count(3);
        if (part == 2 && random.Below(3) == 0) {
          session.set_state(ses::SESSION_STATE_ON_BREAK);
          session.set_break_kind(ses::BREAK_KIND_UNSCHEDULED);
        }
        for (int i = 0; i < session.items_size(); ++i) {
          if (random.Below(3) == 0) session.add_locked_item_ids(session.items(i).item_id());
          if (random.Below(3) == 0) Store(session, session.items(i).item_id(), 2, "A");
        }
        out = Load(session, state_.moving.has_value());
      }
      ASSERT_FALSE(Draw(state_, {24, 80}, now_).Text().empty());
      if (state_.view == View::kEnded) break;
      const Range range = SectionItems(state_);
      if (state_.view == View::kQuestion || state_.view == View::kReview) {
        ASSERT_TRUE(InSection(state_)) << seed << " " << step;
        ASSERT_GE(state_.current, range.begin) << seed << " " << step;
        ASSERT_LT(state_.current, range.end) << seed << " " << step;
      }
      if (out.submit) {
        ASSERT_EQ(part, 6u) << seed << " " << step;
      }
      if (out.move && out.move->kind == Move::Kind::kLeave) {
        ASSERT_EQ(out.move->part, part) << seed << " " << step;
      }
      for (const auto& write : out.writes) {
        const auto position = static_cast<size_t>(std::stoi(write.item_id().substr(1)));
        ASSERT_GT(position, range.begin) << seed << " " << step;
        ASSERT_LE(position, range.end) << seed << " " << step;
        ASSERT_EQ(write.cleared(), write.option_ids().empty());
      }
      state_.submit_attempts = state_.move_attempts = 0;  // the refusals here are by chance
    }
  }
}

}  // namespace
}  // namespace invigil::cli::take
