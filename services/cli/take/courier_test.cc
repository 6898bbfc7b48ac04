#include "services/cli/take/courier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/wait_until.h"
#include "services/cli/api/fake_api.h"
#include "services/cli/take/news_queue.h"

namespace invigil::cli::take {
namespace {

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

}  // namespace
}  // namespace invigil::cli::take
