#include "services/session/engine/lane_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace invigil::session {
namespace {

class LaneQueueTest : public ::testing::Test {
 protected:
  void Push(Lane lane, size_t count, const std::string& job) {
    for (size_t i = 0; i < count; ++i) {
      std::string one = job;
      ASSERT_EQ(queue_.Push(lane, one), LaneQueue<std::string>::Pushed::kOk);
    }
  }
  // A batch, a letter a job.
  std::string Take(size_t max = 128, size_t seals = 32) {
    std::vector<std::string> batch;
    EXPECT_TRUE(queue_.Take(max, seals, batch));
    std::string letters;
    for (const std::string& job : batch) letters += job;
    return letters;
  }
  static std::string Of(size_t count, char job) { return std::string(count, job); }

  LaneQueue<std::string> queue_{1000};
};

// What a save that comes now waits for: a transaction with few cold sessions in it.
TEST_F(LaneQueueTest, BulkTakesItsShareThoughNothingElseWaits) {
  Push(Lane::kBulk, 20, "b");
  EXPECT_EQ(Take(), Of(8, 'b'));
  Push(Lane::kSave, 2, "s");
  EXPECT_EQ(Take(), "ss" + Of(8, 'b'));
  EXPECT_EQ(Take(), Of(4, 'b'));
  EXPECT_EQ(queue_.size(), 0u);
}

TEST_F(LaneQueueTest, OtherLanesFillABatchAndKeepAShareOfEach) {
  Push(Lane::kStart, 200, "n");
  EXPECT_EQ(Take(), Of(128, 'n'));
  Push(Lane::kSave, 200, "s");
  Push(Lane::kRead, 200, "r");
  Push(Lane::kBulk, 200, "b");
  EXPECT_EQ(Take(), Of(104, 's') + Of(8, 'r') + Of(8, 'n') + Of(8, 'b'));
  EXPECT_EQ(Take(), Of(96, 's') + Of(16, 'r') + Of(8, 'n') + Of(8, 'b'));
}

// Twenty thousand deadlines in one second are no reason for a save to wait longer than this.
TEST_F(LaneQueueTest, SealsTakeWhatTheyAreGivenThoughNothingElseWaits) {
  Push(Lane::kSeal, 100, "e");
  EXPECT_EQ(Take(), Of(32, 'e'));
  Push(Lane::kSave, 2, "s");
  Push(Lane::kRead, 2, "r");
  EXPECT_EQ(Take(), "ss" + Of(32, 'e') + "rr");
  EXPECT_EQ(queue_.size(Lane::kSeal), 36u);
  Push(Lane::kSave, 200, "s");
  EXPECT_EQ(Take(128, 64), Of(120, 's') + Of(8, 'e'));
  Push(Lane::kStart, 200, "n");
  EXPECT_EQ(Take(128, 1), Of(80, 's') + "e" + Of(47, 'n'));
}

TEST_F(LaneQueueTest, TheSmallestBatchStarvesNobodyForEver) {
  Push(Lane::kBulk, 2, "b");
  Push(Lane::kSave, 1, "s");
  EXPECT_EQ(Take(1), "s");
  EXPECT_EQ(Take(1), "b");
  EXPECT_EQ(Take(2), "b");
}

TEST_F(LaneQueueTest, AFullLaneKeepsTheJobAndAClosedQueueIsEmptied) {
  LaneQueue<std::string> queue(1);
  std::string first = "1", second = "2";
  EXPECT_EQ(queue.Push(Lane::kSave, first), LaneQueue<std::string>::Pushed::kOk);
  EXPECT_EQ(queue.Push(Lane::kSave, second), LaneQueue<std::string>::Pushed::kFull);
  EXPECT_EQ(second, "2");
  queue.Close();
  EXPECT_EQ(queue.Push(Lane::kRead, second), LaneQueue<std::string>::Pushed::kClosed);
  std::vector<std::string> batch;
  EXPECT_TRUE(queue.Take(8, 8, batch));
  EXPECT_THAT(batch, ::testing::ElementsAre("1"));
  EXPECT_FALSE(queue.Take(8, 8, batch));
}

}  // namespace
}  // namespace invigil::session
