// Against a real redis-server; it is this machine's clock that is made wrong.
#include "services/session/timers/clock_sync.h"

#include <atomic>

#include "common/testing/redis_server.h"
#include "common/testing/wait_until.h"
#include "gtest/gtest.h"

namespace invigil::session {
namespace {

using testing::WaitUntil;

// A machine whose clocks can be set wrong.
class WrongClock final : public Clock {
 public:
  Time Now() const override { return real_.Now() + Duration(wall_us_.load()); }
  Duration Monotonic() const override { return real_.Monotonic() + Duration(mono_us_.load()); }
  void Skew(Duration wall, Duration monotonic) {
    wall_us_ = wall.count();
    mono_us_ = monotonic.count();
  }

 private:
  SystemClock real_;
  std::atomic<int64_t> wall_us_{0}, mono_us_{0};
};

Duration Distance(Time a, Time b) { return a > b ? a - b : b - a; }

struct Machine {
  explicit Machine(const std::string& address, Duration skew = Duration(0))
      : client([&] {
          redis::ClientOptions options;
          options.address = *redis::ParseAddress(address);
          return options;
        }()) {
    local.Skew(skew, Duration(0));
    clock = std::make_unique<DisciplinedClock>(local);
    sync = std::make_unique<ClockSync>(
        client, *clock, local,
        ClockSyncOptions{
            .period = Millis(30), .first_period = Millis(30), .patience = Millis(400)});
    sync->Start();
  }
  Duration Error() const { return Distance(clock->Now(), SystemClock().Now()); }

  redis::Client client;
  WrongClock local;
  std::unique_ptr<DisciplinedClock> clock;
  std::unique_ptr<ClockSync> sync;
};

TEST(ClockSyncTest, FollowsRedisAndBelievesASmallSkewOnlyAfterConfirmation) {
  testing::RedisServer server;
  Machine right(server.unix_address());
  ASSERT_TRUE(WaitUntil([&] { return right.sync->Trusted(); }));
  EXPECT_TRUE(right.clock->Synchronised());
  EXPECT_LT(right.Error(), Millis(100));

  Machine skewed(server.unix_address(), Seconds(10));
  ASSERT_TRUE(WaitUntil([&] { return skewed.sync->Trusted(); }));
  EXPECT_LT(skewed.Error(), Millis(200)) << "trusted only once it was set right";
}

TEST(ClockSyncTest, AMachineTwoHoursOffNeverBecomesTrusted) {
  testing::RedisServer server;
  Machine machine(server.unix_address(), Seconds(7200));
  ASSERT_TRUE(WaitUntil([&] { return machine.client.ready(); }));
  EXPECT_FALSE(WaitUntil([&] { return machine.sync->Trusted(); }, Millis(1000)));
  EXPECT_FALSE(machine.clock->Synchronised());
  // Somebody sets its clock: then all three agree.
  machine.local.Skew(Duration(0), Duration(0));
  EXPECT_TRUE(WaitUntil([&] { return machine.sync->Trusted(); }));
  EXPECT_LT(machine.Error(), Millis(200));
}

TEST(ClockSyncTest, ARedisWhoseClockIsWrongDoesNotMoveARunningReplica) {
  testing::RedisServer server;
  Machine machine(server.unix_address());
  ASSERT_TRUE(WaitUntil([&] { return machine.sync->Trusted(); }));
  // Seen from a machine that is two hours further in every respect, Redis is two hours behind.
  machine.local.Skew(Seconds(7200), Seconds(7200));
  const Time before = machine.clock->Now();
  EXPECT_FALSE(WaitUntil([&] { return machine.Error() < Seconds(7000); }, Millis(600)));
  EXPECT_GE(machine.clock->Now(), before);
  EXPECT_TRUE(machine.sync->Trusted()) << "a clock that was right runs on";
}

TEST(ClockSyncTest, AMachineThatSleptIsSetRight) {
  testing::RedisServer server;
  Machine machine(server.unix_address());
  ASSERT_TRUE(WaitUntil([&] { return machine.sync->Trusted(); }));
  machine.local.Skew(Duration(0), -Seconds(3600));  // its monotonic clock stood still
  EXPECT_GT(machine.Error(), Seconds(3000));
  EXPECT_TRUE(WaitUntil([&] { return machine.Error() < Millis(200); }));
}

TEST(ClockSyncTest, WithoutRedisTheMachineIsTrustedAfterAWhile) {
  Machine machine("unix:/nonexistent/redis.sock");
  EXPECT_FALSE(machine.sync->Trusted());
  EXPECT_TRUE(WaitUntil([&] { return machine.sync->Trusted(); }));
}

TEST(ClockSyncTest, TrustedForWantOfRedisAndThenContradictedItIsTrustedNoMore) {
  testing::RedisServer server;
  server.KillNow();
  Machine machine(server.unix_address(), Seconds(7200));
  ASSERT_TRUE(WaitUntil([&] { return machine.sync->Trusted(); }));
  server.Restart();
  EXPECT_TRUE(WaitUntil([&] { return !machine.sync->Trusted(); }));
  machine.local.Skew(Duration(0), Duration(0));
  EXPECT_TRUE(WaitUntil([&] { return machine.sync->Trusted(); }));
  EXPECT_LT(machine.Error(), Millis(200));
}

}  // namespace
}  // namespace invigil::session
