#include "services/session/engine/seal_pace.h"

#include <gtest/gtest.h>

namespace invigil::session {
namespace {

TEST(SealPaceTest, SealsTakeAsLongAsTheDisk) {
  SealPace pace(128);
  EXPECT_EQ(pace.Quota(), 32u) << "nothing is known yet";
  for (int i = 0; i < 100; ++i) {
    // 50 us a job, 2 ms for the disk.
    pace.Ran(40, Millis(2), Millis(4), 100, Duration(0));
  }
  EXPECT_EQ(pace.Quota(), 40u);
  for (int i = 0; i < 100; ++i) pace.Ran(40, Millis(2), Micros(2010), 100, Duration(0));
  EXPECT_EQ(pace.Quota(), 16u) << "a disk that costs nothing";
  for (int i = 0; i < 100; ++i) pace.Ran(40, Millis(2), Seconds(1), 100, Duration(0));
  EXPECT_EQ(pace.Quota(), 128u) << "no more than a batch";
}

TEST(SealPaceTest, ABacklogThatStaysTakesMore) {
  SealPace pace(128);
  const auto run = [&pace](size_t waiting, Duration now) {
    pace.Ran(20, Millis(1), Millis(2), waiting, now);
    return pace.Quota();
  };
  EXPECT_EQ(run(500, Seconds(100)), 20u);
  EXPECT_EQ(run(0, Seconds(102)), 20u);
  EXPECT_EQ(run(500, Seconds(103)), 20u);
  EXPECT_EQ(run(500, Seconds(105)), 80u);
  EXPECT_EQ(run(0, Seconds(106)), 20u);
  EXPECT_EQ(run(500, Seconds(200)), 20u) << "nothing waited meanwhile";
}

}  // namespace
}  // namespace invigil::session
