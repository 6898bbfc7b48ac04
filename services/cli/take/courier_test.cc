#include "services/cli/take/courier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/wait_until.h"
#include "services/cli/api/fake_api.h"
#include "services/cli/take/news_queue.h"
#include "services/cli/take/reconcile.h"
#include "services/cli/take/test_session.h"

namespace invigil::cli::take {
namespace {

namespace ses = session::v1;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::WaitUntil;

class CourierTest : public ::testing::Test {
 protected:
  void Start(bool watch = false) {
    courier_ = std::make_unique<Courier>(
        api_, Courier::Options{.session_id = "s", .epoch = 1, .watch = watch, .pause_scale = 0.001},
        [this](News news) { queue_.Put(std::move(news)); });
  }
  static session::v1::ResponseWrite Write(const std::string& item, uint32_t sequence) {
    session::v1::ResponseWrite write;
    write.set_item_id(item);
    write.set_sequence(sequence);
    write.add_option_ids("A");
    return write;
  }
  template <typename T>
  bool Heard() {
    return WaitUntil([this] {
      for (News& news : queue_.TakeAll()) heard_.push_back(std::move(news));
      return std::any_of(heard_.begin(), heard_.end(),
                         [](const News& news) { return std::holds_alternative<T>(news); });
    });
  }
  template <typename T>
  T First() {
    for (const News& news : heard_) {
      if (const T* found = std::get_if<T>(&news)) return *found;
    }
    return {};
  }

  FakeApi api_;
  NewsQueue queue_;
  std::vector<News> heard_;
  std::unique_ptr<Courier> courier_;  // last: its threads use the others
};

TEST_F(CourierTest, LosesNothingWhileTheSuiteIsAway) {
  for (int i = 0; i < 5; ++i) api_.save_failures.push_back(Unavailable("AWAY", "later"));
  Start();
  for (uint32_t i = 1; i <= 250; ++i) {
    Outbox outbox;
    outbox.writes = {Write("q" + std::to_string(i % 120), i)};
    courier_->Post(outbox);
  }
  EXPECT_EQ(courier_->Flush(Seconds(10)), 0u);
  const auto stored = api_.Stored();
  ASSERT_EQ(stored.size(), 120u);
  for (uint32_t i = 131; i <= 250; ++i) {
    EXPECT_EQ(stored.at("q" + std::to_string(i % 120)).sequence(), i);
  }
  EXPECT_TRUE(Heard<Offline>());
  EXPECT_TRUE(Heard<Saved>());
}

TEST_F(CourierTest, ConfirmsWhatWasReadWhateverHappens) {
  api_.confirm_failures.push_back(Unavailable("AWAY", "later"));
  api_.confirm_failures.push_back(NotFound("MESSAGE_NOT_FOUND", "there is no such message"));
  Start();
  Outbox outbox;
  outbox.confirm = {"gone", "m1", "m2"};
  courier_->Post(outbox);
  EXPECT_TRUE(WaitUntil([this] {
    std::vector<std::string> confirmed;
    api_.Edit([&](FakeApi& api) { confirmed = api.confirmed; });
    return confirmed == std::vector<std::string>{"m1", "m2"};
  }));
  EXPECT_TRUE(Heard<Confirmed>());
  EXPECT_EQ(First<Confirmed>().message_id, "m1");
  for (const News& news : heard_) {
    EXPECT_FALSE(std::holds_alternative<Refused>(news)) << "no reason to end an exam";
  }
}

TEST_F(CourierTest, SubmitsAfterTheLastWriteIsStored) {
  api_.save_failures = {Unavailable("AWAY", "later")};
  Start();
  Outbox outbox;
  outbox.writes = {Write("q1", 3)};
  session::v1::ItemSequence seen;
  seen.set_item_id("q1");
  seen.set_sequence(3);
  outbox.submit.emplace().push_back(seen);
  courier_->Post(outbox);  // the fake refuses a submission that comes before its writes
  ASSERT_TRUE(Heard<Submitted>());
  EXPECT_EQ(First<Submitted>().response.receipt_size(), 1);
}

TEST_F(CourierTest, TellsOfARefusalOnceAndStops) {
  api_.save_failures = {FailedPrecondition("SESSION_SEALED", "sealed at its deadline")};
  Start();
  Outbox outbox;
  outbox.writes = {Write("q1", 1)};
  courier_->Post(outbox);
  ASSERT_TRUE(Heard<Refused>());
  EXPECT_EQ(First<Refused>().reason, "SESSION_SEALED");
  EXPECT_EQ(courier_->Flush(Seconds(10)), 0u);
  EXPECT_EQ(api_.Stored().size(), 0u);
}

TEST_F(CourierTest, WaitsQuietlyForAPendingScore) {
  api_.report_failures = {Unavailable("SCORE_PENDING", "soon", Millis(1)),
                          Unavailable("SCORE_PENDING", "soon", Millis(1))};
  Start();
  Outbox outbox;
  outbox.report = true;
  courier_->Post(outbox);
  ASSERT_TRUE(Heard<Report>());
  EXPECT_EQ(First<Report>().report.scaled_score(), 712);
  EXPECT_EQ(heard_.size(), 1u);
}

TEST_F(CourierTest, WatchesUntilItIsDestroyed) {
  Start(/*watch=*/true);
  ASSERT_TRUE(Heard<Update>());
  EXPECT_EQ(First<Update>().remaining, Seconds(60));
  courier_.reset();  // returns although the stream never ends by itself
}

// The suite loses power: one answer that it acknowledged is gone, the reply to another is lost.
// When it is back it gets the first again, and the second is not sent twice.
TEST_F(CourierTest, AfterAPowerLossSendsOnlyWhatDiffers) {
  api_.session.set_epoch(1);
  Start();
  Outbox outbox;
  for (const char* item : {"q1", "q2", "q3"}) outbox.writes.push_back(Write(item, 1));
  courier_->Post(outbox);
  ASSERT_EQ(courier_->Flush(Seconds(10)), 0u);
  api_.Edit([](FakeApi& api) {
    api.received.clear();
    api.lost_replies = 1;
    for (int i = 0; i < 3; ++i) api.vector_failures.push_back(Unavailable("AWAY", "no power"));
    api.stored.erase("q2");
  });
  outbox.writes = {Write("q4", 1)};
  courier_->Post(outbox);
  ASSERT_TRUE(WaitUntil([this] { return api_.Stored().contains("q2"); }));
  ASSERT_EQ(courier_->Flush(Seconds(10)), 0u);
  std::vector<std::string> sent;
  api_.Edit([&](FakeApi& api) {
    for (const auto& write : api.received) sent.push_back(write.item_id());
    EXPECT_EQ(api.vectors, 1);
  });
  EXPECT_THAT(sent, ElementsAre("q4", "q2"));
  EXPECT_THAT(api_.Stored(), SizeIs(4));
  // The screen is told that the fourth is stored.
  EXPECT_TRUE(Heard<Saved>());
  bool told = false;
  for (const News& news : heard_) {
    const Saved* saved = std::get_if<Saved>(&news);
    for (size_t i = 0; saved != nullptr && i < saved->acks.size(); ++i) {
      told |= saved->acks[i].item_id() == "q4";
    }
  }
  EXPECT_TRUE(told);
}

TEST_F(CourierTest, ReconcilesWhatWasThereAtTheBeginning) {
  ses::Session session;
  Store(session, "q1", 2, "A");
  Store(session, "q2", 5, "");
  courier_ = std::make_unique<Courier>(
      api_,
      Courier::Options{.session_id = "s",
                       .stored = {session.responses().begin(), session.responses().end()},
                       .watch = false,
                       .pause_scale = 0.001},
      [this](News news) { queue_.Put(std::move(news)); });
  api_.Edit([](FakeApi& api) { api.save_failures = {Unavailable("AWAY", "no power")}; });
  Outbox outbox;
  outbox.writes = {Write("q3", 1)};
  courier_->Post(outbox);
  ASSERT_TRUE(WaitUntil([this] { return api_.Stored().size() == 3; }));
  EXPECT_TRUE(api_.Stored().at("q2").cleared());
}

TEST_F(CourierTest, BusyIsNotAway) {
  api_.save_failures = {ResourceExhausted("OVERLOADED", "later", Millis(1))};
  Start();
  Outbox outbox;
  outbox.writes = {Write("q1", 1)};
  courier_->Post(outbox);
  ASSERT_TRUE(Heard<Saved>());
  api_.Edit([](FakeApi& api) { EXPECT_EQ(api.vectors, 0); });
}

TEST_F(CourierTest, DropsOnlyTheItemsThatAreRefused) {
  api_.session = PartsSession(5);  // the third section's: q8 to q10
  Start();
  Outbox outbox;
  outbox.writes = {Write("q1", 7), Write("q8", 1)};
  courier_->Post(outbox);
  ASSERT_TRUE(Heard<Saved>());
  const Rejected rejected = First<Rejected>();
  EXPECT_EQ(rejected.reason, "ITEMS_LOCKED");
  ASSERT_THAT(rejected.items, SizeIs(1));
  EXPECT_EQ(rejected.items[0].sequence, 7u);
  EXPECT_EQ(rejected.items[0].stored.item_id(), "q1");
  EXPECT_EQ(rejected.items[0].stored.sequence(), 0u);
  EXPECT_EQ(courier_->Flush(Seconds(10)), 0u);
  EXPECT_EQ(api_.Stored().at("q8").sequence(), 1u);
}

TEST_F(CourierTest, MovesAfterTheLastWriteAndBringsTheNextPart) {
  api_.session = PartsSession(5);
  api_.session.set_current_part(2);
  api_.session.set_break_count(0);
  api_.save_failures = {Unavailable("AWAY", "later")};
  api_.move_failures = {Unavailable("AWAY", "later")};
  Start();
  Outbox outbox;
  outbox.writes = {Write("q1", 3)};
  outbox.progress.emplace().marks.emplace_back().set_item_id("q1");
  auto& move = outbox.move.emplace(Move{.part = 2});
  auto& seen = move.seen.emplace_back();
  seen.set_item_id("q1");
  seen.set_sequence(3);
  courier_->Post(outbox);  // the fake refuses to leave before its writes are there
  ASSERT_TRUE(Heard<Loaded>());
  const Loaded loaded = First<Loaded>();
  EXPECT_TRUE(loaded.after_move);
  EXPECT_EQ(loaded.session.current_part(), 3u);
  EXPECT_EQ(loaded.session.items_size(), 4);
  EXPECT_EQ(loaded.session.responses_size(), 1);
  api_.Edit([](FakeApi& api) { EXPECT_THAT(api.progress, IsEmpty()) << "flags don't hold it up"; });
}

TEST_F(CourierTest, ABreakBeginsOnceHoweverOftenItIsAsked) {
  api_.session = PartsSession(2);
  Start();
  Outbox outbox;
  outbox.move.emplace(Move{.kind = Move::Kind::kTakeBreak, .break_number = 1});
  courier_->Post(outbox);
  ASSERT_TRUE(Heard<Loaded>());
  EXPECT_EQ(First<Loaded>().session.break_kind(), ses::BREAK_KIND_UNSCHEDULED);
  heard_.clear();
  outbox.move.emplace(Move{.kind = Move::Kind::kEndBreak, .break_number = 1});
  courier_->Post(outbox);
  ASSERT_TRUE(Heard<Loaded>());
  EXPECT_EQ(First<Loaded>().session.state(), ses::SESSION_STATE_ACTIVE);
  api_.Edit([](FakeApi& api) { EXPECT_EQ(api.breaks_begun, 1u); });
}

TEST_F(CourierTest, TellsFlagsTogetherAndAfterTheAnswers) {
  api_.session = PartsSession(4);
  api_.save_failures = {Unavailable("AWAY", "later")};
  api_.progress_failures = {Unavailable("AWAY", "later")};
  Start();
  Outbox outbox;
  outbox.writes = {Write("q5", 1)};
  auto& progress = outbox.progress.emplace();
  progress.shown_item = "q6";
  auto& seen = progress.seen.emplace_back();
  seen.set_item_id("q5");
  seen.set_sequence(1);
  courier_->Post(outbox);
  outbox = {};
  outbox.progress.emplace().marks.emplace_back().set_item_id("q6");
  outbox.progress->marks[0].set_sequence(1);
  courier_->Post(outbox);
  ASSERT_TRUE(WaitUntil([this] {
    for (News& news : queue_.TakeAll()) heard_.push_back(std::move(news));
    return std::any_of(heard_.begin(), heard_.end(), [](const News& news) {
      const MarksSaved* saved = std::get_if<MarksSaved>(&news);
      return saved != nullptr && saved->marks.size() == 1;
    });
  }));
  api_.Edit([](FakeApi& api) {
    EXPECT_EQ(api.progress[0].shown_item_id(), "q6");
    EXPECT_EQ(api.progress.back().marks_size(), 1);
  });
}

TEST_F(CourierTest, AFlagThatCantBeStoredNowIsNoTrouble) {
  api_.progress_failures = {FailedPrecondition("SESSION_NOT_ACTIVE", "paused"),
                            FailedPrecondition("RESPONSES_MISSING", "send them")};
  Start();
  Outbox outbox;
  outbox.progress.emplace().marks.emplace_back().set_item_id("q6");
  courier_->Post(outbox);
  EXPECT_EQ(courier_->Flush(Seconds(10)), 0u);
  courier_->Post(outbox);
  ASSERT_TRUE(Heard<Refused>());
  EXPECT_EQ(First<Refused>().reason, "RESPONSES_MISSING");
  EXPECT_THAT(heard_, SizeIs(1));
}

TEST(Reconcile, HasTheDigestOfTheContract) {
  ses::ResponseWrite write;
  write.add_option_ids("A");
  EXPECT_EQ(DigestOf(write), 0xda15c58c265950bdu);
  ses::ResponseWrite one, other;
  one.add_option_ids("C");
  one.add_option_ids("A");
  other.add_option_ids("A");
  other.add_option_ids("C");
  EXPECT_EQ(DigestOf(one), DigestOf(other));
  EXPECT_NE(DigestOf(one), DigestOf(write));
}

TEST(Reconcile, FindsWhatTheServerDoesNotHoldAsItIsHere) {
  std::map<std::string, ses::ResponseWrite> newest;
  const auto write = [&](const std::string& item, uint32_t sequence, const char* option) {
    ses::ResponseWrite& to = newest[item];
    to.set_item_id(item);
    to.set_sequence(sequence);
    to.add_option_ids(option);
  };
  write("held", 3, "A");
  write("older", 3, "A");
  write("other", 3, "A");
  write("newer", 3, "A");
  write("lacking", 1, "A");
  newest["unwritten"].set_item_id("unwritten");
  ses::GetResponseVectorResponse vector;
  const auto there = [&](const std::string& item, uint32_t sequence, const char* option) {
    ses::ResponseWrite digested;
    digested.add_option_ids(option);
    auto* to = vector.add_responses();
    to->set_item_id(item);
    to->set_sequence(sequence);
    to->set_digest(DigestOf(digested));
  };
  there("held", 3, "A");
  there("older", 2, "A");
  there("other", 3, "B");  // another device's
  there("newer", 4, "B");  // sending ours says what counts
  const Differences differences = Compare(newest, vector);
  std::vector<std::string> missing;
  for (const auto& w : differences.missing) missing.push_back(w.item_id());
  EXPECT_THAT(missing, ElementsAre("lacking", "newer", "older", "other"));
  ASSERT_THAT(differences.held, SizeIs(1));
  EXPECT_EQ(differences.held[0].item_id(), "held");
}

}  // namespace
}  // namespace invigil::cli::take
