#include "common/base/clock.h"

#include <gtest/gtest.h>

namespace invigil {
namespace {

// A machine whose wall clock can jump while its monotonic clock runs on.
class Machine final : public Clock {
 public:
  Time Now() const override { return wall; }
  Duration Monotonic() const override { return mono; }
  void Run(Duration d) {
    wall += d;
    mono += d;
  }
  Time wall = FromUnixMicros(1'800'000'000'000'000);
  Duration mono = Seconds(5);
};

TEST(DisciplinedClock, StartsFromTheWallClockAndRunsByTheMonotonicClock) {
  Machine machine;
  DisciplinedClock clock(machine);
  EXPECT_EQ(clock.Now(), machine.wall);
  machine.Run(Seconds(10));
  machine.wall += std::chrono::hours(2);  // an operator sets the clock
  EXPECT_EQ(clock.Now(), FromUnixMicros(1'800'000'010'000'000));
  EXPECT_EQ(clock.WallSkew(), -std::chrono::hours(2));
}

TEST(DisciplinedClock, FollowsTheSourceFromTheMiddleOfTheRoundTrip) {
  Machine machine;
  DisciplinedClock clock(machine);
  const Duration sent = machine.mono;
  machine.Run(Millis(10));
  EXPECT_TRUE(clock.Sample(FromUnixMicros(1'800'000'003'000'000), sent, machine.mono));
  EXPECT_EQ(clock.Now(), FromUnixMicros(1'800'000'003'005'000));
  EXPECT_TRUE(clock.Synchronised());
  EXPECT_EQ(clock.LastCorrection(), Micros(2'995'000));
}

TEST(DisciplinedClock, DropsSlowReadings) {
  Machine machine;
  DisciplinedClock clock(machine);
  const Duration sent = machine.mono;
  machine.Run(Millis(200));
  const Time before = clock.Now();
  EXPECT_FALSE(clock.Sample(FromUnixMicros(0), sent, machine.mono));
  EXPECT_EQ(clock.Now(), before);
  EXPECT_FALSE(clock.Synchronised());
}

TEST(ManualClock, MovesOnlyByHand) {
  ManualClock clock;
  const Time start = clock.Now();
  clock.Advance(Minutes(90));
  EXPECT_EQ(clock.Now() - start, Minutes(90));
  EXPECT_EQ(clock.Monotonic(), Minutes(90));
}

}  // namespace
}  // namespace invigil
