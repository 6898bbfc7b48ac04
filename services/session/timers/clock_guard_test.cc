#include "services/session/timers/clock_guard.h"

#include "gtest/gtest.h"

namespace invigil::session {
namespace {

using Verdict = ClockGuard::Verdict;
constexpr Duration kNone{0};

TEST(ClockGuardTest, DriftIsBelievedAtOnce) {
  ClockGuard guard;
  EXPECT_EQ(guard.Judge(Millis(3), kNone), Verdict::kBelieve);
  EXPECT_EQ(guard.Judge(-Millis(250), Seconds(7200)), Verdict::kBelieve);
}

TEST(ClockGuardTest, AJumpNeedsThreeReadingsThatAgree) {
  ClockGuard guard;
  EXPECT_EQ(guard.Judge(Seconds(10), Seconds(10)), Verdict::kWait);
  EXPECT_EQ(guard.Judge(Seconds(10) + Millis(40), Seconds(10)), Verdict::kWait);
  EXPECT_EQ(guard.Judge(Seconds(10), Seconds(10)), Verdict::kBelieveJump);
  EXPECT_EQ(guard.Judge(Seconds(10), Seconds(10)), Verdict::kWait)
      << "confirmed once is not for ever";
}

TEST(ClockGuardTest, ASourceThatStaggersIsNeverBelieved) {
  ClockGuard guard;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(guard.Judge(Seconds(5 + i % 2), kNone), Verdict::kWait);
  }
}

TEST(ClockGuardTest, AGoodReadingBetweenStartsTheCountAgain) {
  ClockGuard guard;
  EXPECT_EQ(guard.Judge(Seconds(10), kNone), Verdict::kWait);
  EXPECT_EQ(guard.Judge(Seconds(10), kNone), Verdict::kWait);
  EXPECT_EQ(guard.Judge(kNone, kNone), Verdict::kBelieve);
  EXPECT_EQ(guard.Judge(Seconds(10), kNone), Verdict::kWait);
}

TEST(ClockGuardTest, AHugeJumpThatOnlyTheSourceSawIsNeverBelieved) {
  ClockGuard guard;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(guard.Judge(Seconds(7200), Seconds(7200)), Verdict::kDispute);
  }
}

TEST(ClockGuardTest, AHugeJumpThatTheWallClockSawTooIsBelievedAfterThree) {
  ClockGuard guard;  // this machine slept for an hour
  EXPECT_EQ(guard.Judge(Seconds(3600), Millis(20)), Verdict::kWait);
  EXPECT_EQ(guard.Judge(Seconds(3600), Millis(20)), Verdict::kWait);
  EXPECT_EQ(guard.Judge(Seconds(3600), Millis(20)), Verdict::kBelieveJump);
}

}  // namespace
}  // namespace invigil::session
