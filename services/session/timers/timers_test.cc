// All parts together against a real redis-server that is flushed, killed and stopped. The engine is
// a map; what is proven is that every session ends, once, on time, whatever happens to Redis.
#include "services/session/timers/timers.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <vector>

#include "common/testing/redis_server.h"
#include "common/testing/wait_until.h"
#include "gtest/gtest.h"
#include "services/session/timers/expirer.h"
#include "services/session/timers/fake_engine_for_test.h"
#include "services/session/timers/metrics.h"
#include "services/session/timers/replica_for_test.h"

namespace invigil::session {
namespace {

using testing::RedisServer;
using testing::WaitUntil;

TEST(TimersTest, EndsSessionsOnTheirDeadlineNotBefore) {
  RedisServer server;
  FakeEngine engine(kSystem);
  Replica replica(server.unix_address(), engine, IndexOnly());
  ASSERT_TRUE(replica.Healthy());
  const Time now = kSystem.Now();
  const SessionId soon = engine.Add(now + Millis(300));
  const SessionId removed = engine.Add(now + Millis(300));
  const SessionId later = engine.Add(now + Seconds(3600));
  replica.timers.Schedule(soon, now + Millis(300));
  replica.timers.Schedule(removed, now + Millis(300));
  replica.timers.Schedule(later, now + Seconds(3600));
  replica.timers.Remove(removed, now + Millis(300));
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == 1; }));
  EXPECT_EQ(engine.Attempts(), 1) << "nobody was asked for before the deadline";
  EXPECT_LT(engine.Lateness().back(), Seconds(1));
  // Gone from the index: only `later` is left.
  EXPECT_TRUE(WaitUntil([&] {
    return server.Command(
               "EVAL \"local n=0 for _,k in ipairs(redis.call('KEYS','z:*')) do "
               "n=n+redis.call('ZCARD',k) end return n\" 0") == ":1";
  }));
}

// One replica pauses, another resumes, and what the first has to tell Redis comes last.
TEST(TimersTest, ALateRemoveOfAnotherReplicaLosesNoTimer) {
  RedisServer server;
  FakeEngine engine(kSystem);
  Replica one(server.unix_address(), engine, IndexOnly());
  Replica two(server.unix_address(), engine, IndexOnly());
  ASSERT_TRUE(one.Healthy() && two.Healthy());
  const Time before = kSystem.Now() + Seconds(3600), deadline = kSystem.Now() + Millis(700);
  const SessionId id = engine.Add(deadline);
  one.timers.Schedule(id, before);
  ASSERT_TRUE(WaitUntil([&] { return one.client.in_flight() == 0; }));
  two.timers.Schedule(id, deadline);
  ASSERT_TRUE(WaitUntil([&] { return two.client.in_flight() == 0; }));
  one.timers.Remove(id, before);
  EXPECT_TRUE(WaitUntil([&] { return engine.Sealed() == 1; }));
  EXPECT_LT(engine.Lateness().back(), kBound);
}

TEST(TimersTest, AnExtensionTheIndexDidNotHearOfMovesTheTimer) {
  RedisServer server;
  FakeEngine engine(kSystem);
  Replica replica(server.unix_address(), engine, IndexOnly());
  ASSERT_TRUE(replica.Healthy());
  const Time old_deadline = kSystem.Now(), new_deadline = old_deadline + Millis(700);
  const SessionId id = engine.Add(old_deadline);
  engine.Move(id, new_deadline);
  replica.timers.Schedule(id, old_deadline);
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == 1; }));
  EXPECT_GE(kSystem.Now(), new_deadline);
  EXPECT_EQ(engine.Attempts(), 2) << "once too early, once on time";
  EXPECT_LT(engine.Lateness().back(), Seconds(1));
}

TEST(TimersTest, AFailedSealIsTriedAgain) {
  RedisServer server;
  FakeEngine engine(kSystem);
  TimersOptions options = IndexOnly();
  options.sweeper.retry = Millis(100);
  Replica replica(server.unix_address(), engine, options);
  ASSERT_TRUE(replica.Healthy());
  engine.FailNext(3);
  const Time now = kSystem.Now();
  replica.timers.Schedule(engine.Add(now), now);
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == 1; }));
  EXPECT_EQ(engine.Attempts(), 4);
}

TEST(TimersTest, TwoReplicasShareTheWorkAndTheDeathOfOneLosesNothing) {
  RedisServer server;
  FakeEngine engine(kSystem);
  TimersOptions options = IndexOnly();
  options.sweeper.lease = Seconds(1);
  Replica survivor(server.unix_address(), engine, options);
  ASSERT_TRUE(survivor.Healthy());
  const Time deadline = kSystem.Now() + Millis(300);
  constexpr size_t kSessions = 3000;
  size_t swallowed = 0;
  {
    // Claims and never answers, as a process that dies with its claims.
    TimerHooks hooks = engine.Hooks();
    std::atomic<size_t> taken{0};
    hooks.expire = [&taken](const SessionId&, const ExpireDone&) { ++taken; };
    TimersOptions impatient = options;
    impatient.stop_patience = Millis(1);
    Replica doomed(server.unix_address(), engine, impatient, hooks);
    for (size_t i = 0; i < kSessions; ++i) {
      survivor.timers.Schedule(engine.Add(deadline), deadline);
    }
    ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() + taken >= kSessions; }));
    swallowed = taken;
  }
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == kSessions; }, Seconds(20)));
  printf("%zu of %zu were claimed by the replica that died\n", swallowed, kSessions);
  EXPECT_GT(swallowed, 0u);
  EXPECT_EQ(engine.Running(), 0u);
}

TEST(TimersTest, ThousandsDueInTheSameSecondEndInTime) {
  RedisServer server;
  FakeEngine engine(kSystem);
  Replica one(server.unix_address(), engine, IndexOnly());
  Replica two(server.unix_address(), engine, IndexOnly());
  ASSERT_TRUE(one.Healthy() && two.Healthy());
  constexpr int kSessions = 8000;
  const Time start = kSystem.Now() + Millis(500);
  for (int i = 0; i < kSessions; ++i) {
    const Time deadline = start + Micros(int64_t{i} * 1'000'000 / kSessions);
    (i % 2 ? one : two).timers.Schedule(engine.Add(deadline), deadline);
  }
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == kSessions; }, Seconds(20)));
  PrintLateness("same second", engine.Lateness());
  EXPECT_LT(engine.Lateness().back(), Seconds(1));
  EXPECT_EQ(engine.Repeated(), 0) << "each went to one replica";
}

TEST(TimersTest, AfterFlushAllTheIndexIsRebuiltAndEverySessionEndsInTime) {
  RedisServer server;
  FakeEngine engine(kSystem);
  TimersOptions options = IndexOnly();
  options.rebuilder.batch = 300;  // several batches
  Replica replica(server.unix_address(), engine, options);
  ASSERT_TRUE(replica.Healthy());
  const double rebuilt = TimerMetrics::Get().rebuilds.Value();
  const Time deadline = kSystem.Now() + Millis(1200);
  constexpr size_t kSessions = 2000;
  for (size_t i = 0; i < kSessions; ++i) {
    replica.timers.Schedule(engine.Add(deadline), deadline);
  }
  ASSERT_TRUE(WaitUntil([&] { return replica.client.in_flight() == 0; }));
  ASSERT_EQ(server.Command("FLUSHALL"), "+OK");
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == kSessions; }));
  PrintLateness("after FLUSHALL", engine.Lateness());
  EXPECT_LT(engine.Lateness().back(), kBound);
  EXPECT_EQ(TimerMetrics::Get().rebuilds.Value() - rebuilt, 64);
}

TEST(TimersTest, ARebuildThatFailsIsTakenUpAgain) {
  RedisServer server;
  FakeEngine engine(kSystem);
  engine.SetListFails(true);
  TimersOptions options = IndexOnly();
  options.rebuilder.hold = Millis(300);
  Replica replica(server.unix_address(), engine, options);
  ASSERT_TRUE(WaitUntil([&] { return engine.Lists() >= 2; }));
  EXPECT_FALSE(replica.timers.IndexHealthy());
  engine.Add(kSystem.Now());
  engine.SetListFails(false);
  EXPECT_TRUE(WaitUntil([&] { return engine.Sealed() == 1; }));
  EXPECT_TRUE(replica.Healthy());
}

TEST(TimersTest, ARebuildLoadsTheMostUrgentFirst) {
  RedisServer server;
  FakeEngine engine(kSystem);
  TimersOptions options = IndexOnly();
  options.rebuilder.batch = 10;
  const Time now = kSystem.Now();
  for (int i = 0; i < 500; ++i) engine.Add(now + Seconds(3600));
  for (int i = 0; i < 10; ++i) engine.Add(now);
  TimerHooks hooks = engine.Hooks();
  // Of what is wanted, the database gives one page and no more.
  hooks.list = [&](const std::optional<Timer>& after, Time until,
                   size_t limit) -> absl::StatusOr<std::vector<Timer>> {
    if (after.has_value()) return absl::UnavailableError("no database");
    return engine.List(after, until, limit);
  };
  Replica replica(server.unix_address(), engine, options, hooks);
  EXPECT_TRUE(WaitUntil([&] { return engine.Sealed() == 10; }));
  EXPECT_FALSE(replica.timers.IndexHealthy()) << "it is far from whole";
}

TEST(TimersTest, RedisKilledAndBackEmptySessionsEndInTimeMeanwhileAndAfter) {
  RedisServer server;
  FakeEngine engine(kSystem);
  Replica replica(server.unix_address(), engine);
  ASSERT_TRUE(replica.Healthy());
  const Time now = kSystem.Now();
  for (int i = 0; i < 500; ++i) {
    // Due from before the crash until after the return.
    const Time deadline = now + Millis(10 * i);
    replica.timers.Schedule(engine.Add(deadline), deadline);
  }
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() > 20; }));
  server.KillNow();
  const size_t at_kill = engine.Sealed();
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() > at_kill + 200; }))
      << "the database scan ends them without Redis";
  EXPECT_FALSE(replica.timers.IndexHealthy());
  server.Restart();
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == 500; }));
  PrintLateness("kill -9 and back empty", engine.Lateness());
  EXPECT_LT(engine.Lateness().back(), kBound);
  EXPECT_TRUE(replica.Healthy());
}

TEST(TimersTest, RedisStoppedForThreeSecondsBlocksNobody) {
  RedisServer server;
  FakeEngine engine(kSystem);
  Replica replica(server.unix_address(), engine);
  ASSERT_TRUE(replica.Healthy());
  const Time now = kSystem.Now();
  // Half of them known to the index, half started while Redis did not listen.
  for (int i = 0; i < 400; ++i) {
    const Time deadline = now + Millis(10 * i);
    const SessionId id = engine.Add(deadline);
    if (i % 2 == 0) replica.timers.Schedule(id, deadline);
  }
  ASSERT_TRUE(WaitUntil([&] { return replica.client.in_flight() == 0; }));
  server.Pause();
  Duration longest{0};
  const Duration stopped_at = kSystem.Monotonic();
  // Callers go on scheduling through the three seconds; none of their calls takes noticeable time.
  ASSERT_TRUE(WaitUntil([&] {
    const Duration before = kSystem.Monotonic();
    replica.timers.Schedule(AnySession(), now + Seconds(3600));
    longest = std::max(longest, kSystem.Monotonic() - before);
    return kSystem.Monotonic() - stopped_at > Seconds(3);
  }));
  EXPECT_LT(longest, Millis(100));
  server.Resume();
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == 400; }));
  PrintLateness("SIGSTOP 3 s", engine.Lateness());
  EXPECT_LT(engine.Lateness().back(), kBound);
  EXPECT_TRUE(replica.Healthy());
}

TEST(TimersTest, WithRedisDeadFromTheStartTheScanEndsSessionsAndFailingOnesHoldUpNobody) {
  FakeEngine engine(kSystem);
  TimersOptions options;
  options.clock.patience = Millis(300);
  options.reconciler.batch = 10;
  TimerHooks hooks = engine.Hooks();
  const SessionId poison = engine.Add(kSystem.Now() - Seconds(100));
  hooks.expire = [&](const SessionId& id, const ExpireDone& done) {
    if (id == poison) return done(absl::InternalError("cannot be sealed"));
    done(engine.Expire(id));
  };
  Replica replica("unix:/nonexistent/redis.sock", engine, options, hooks);
  for (int i = 0; i < 100; ++i) engine.Add(kSystem.Now());
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == 100; }));
  ASSERT_TRUE(WaitUntil([&] { return TimerMetrics::Get().oldest_overdue_seconds.Value() > 99; }));
}

TEST(TimersTest, AtMaxMemoryTimersDrain) {
  RedisServer server;
  FakeEngine engine(kSystem);
  Replica replica(server.unix_address(), engine, IndexOnly());
  ASSERT_TRUE(replica.Healthy());
  const Time deadline = kSystem.Now() + Millis(600);
  for (int i = 0; i < 500; ++i) replica.timers.Schedule(engine.Add(deadline), deadline);
  ASSERT_TRUE(WaitUntil([&] { return replica.client.in_flight() == 0; }));
  const double failures = TimerMetrics::Get().schedule_failures.Value();
  ASSERT_EQ(server.Command("CONFIG SET maxmemory 1"), "+OK");
  replica.timers.Schedule(AnySession(), deadline);
  ASSERT_TRUE(
      WaitUntil([&] { return TimerMetrics::Get().schedule_failures.Value() == failures + 1; }));
  EXPECT_TRUE(WaitUntil([&] { return engine.Sealed() == 500; }));
}

TEST(ExpirerTest, AsksOncePerSessionAtATimeIsBoundedAndIgnoresLateAnswers) {
  const ManualClock clock;
  std::vector<ExpireDone> asked;
  Expirer expirer(
      clock, [&](const SessionId&, ExpireDone done) { asked.push_back(done); }, 2);
  const Timer one{clock.Now(), AnySession()}, two{clock.Now(), AnySession()},
      three{clock.Now(), AnySession()};
  int answers = 0;
  const ExpireDone count = [&](const absl::Status&) { ++answers; };
  EXPECT_TRUE(expirer.Start(one, count));
  EXPECT_TRUE(expirer.Start(one, count));
  EXPECT_EQ(asked.size(), 1u);
  EXPECT_TRUE(expirer.Start(two, count));
  EXPECT_EQ(expirer.Free(), 0);
  EXPECT_FALSE(expirer.Start(three, count));
  asked[0](absl::OkStatus());
  EXPECT_EQ(answers, 2);
  asked[0](absl::OkStatus());
  EXPECT_EQ(answers, 2) << "a second answer is nothing";
  expirer.Close(Millis(1));
  asked[1](absl::OkStatus());
  EXPECT_EQ(answers, 2);
  EXPECT_FALSE(expirer.Start(three, count));
}

// Figures to notice when they fall by half, not a benchmark: printed, and held to a low floor.
TEST(TimersTest, ClaimsAndSchedulesManyPerSecond) {
  RedisServer server;
  FakeEngine engine(kSystem);
  constexpr int kSessions = 50000;
  const Time due = kSystem.Now();
  std::vector<SessionId> ids;
  for (int i = 0; i < kSessions; ++i) ids.push_back(engine.Add(due));

  TimerHooks hooks = engine.Hooks();

  std::atomic<int> ended{0};
  std::atomic<int64_t> first_us{0};
  // Answers at once and keeps nothing: what is measured is the timers, not the engine.
  hooks.expire = [&](const SessionId&, const ExpireDone& done) {
    done(absl::OkStatus());
    if (ended++ == 0) first_us = kSystem.Monotonic().count();
  };
  Replica loader(
      server.unix_address(), engine,
      [] {
        TimersOptions options = IndexOnly();
        options.sweeper.period = Seconds(3600);
        return options;
      }(),
      hooks);
  ASSERT_TRUE(WaitUntil([&] { return loader.client.ready(); }));
  const Duration scheduling = kSystem.Monotonic();
  for (const SessionId& id : ids) {
    // Keeps under the client's bound, as an engine's queue would.
    if (loader.client.in_flight() > 10000) {
      WaitUntil([&] { return loader.client.in_flight() < 5000; });
    }
    loader.timers.Schedule(id, due);
  }
  ASSERT_TRUE(WaitUntil([&] { return loader.client.in_flight() == 0; }));
  const double schedule_seconds = (kSystem.Monotonic() - scheduling).count() / 1e6;

  Replica sweeper(server.unix_address(), engine, IndexOnly(), hooks);
  ASSERT_TRUE(WaitUntil([&] { return ended >= kSessions; }, Seconds(60)));
  const double sweep_seconds = double(kSystem.Monotonic().count() - first_us) / 1e6;
  printf("Schedule: %.0f/s; claim, expire, settle: %.0f/s\n", kSessions / schedule_seconds,
         kSessions / sweep_seconds);
  EXPECT_GT(kSessions / schedule_seconds, 5000);
  EXPECT_GT(kSessions / sweep_seconds, 2000);
}

}  // namespace
}  // namespace invigil::session
