// Timers through a failover by a real sentinel: the promoted replica lacks what was written last,
// or everything. Every session ends, once, on time.
#include <memory>
#include <string>
#include <vector>

#include "common/testing/redis_sentinel.h"
#include "common/testing/redis_server.h"
#include "common/testing/wait_until.h"
#include "gtest/gtest.h"
#include "services/session/timers/fake_engine_for_test.h"
#include "services/session/timers/metrics.h"
#include "services/session/timers/replica_for_test.h"

namespace invigil::session {
namespace {

using testing::RedisSentinel;
using testing::RedisServer;
using testing::WaitUntil;

// A master, a replica whose replication can be cut, and a sentinel that promotes it.
struct Failover {
  RedisServer master{{"--repl-diskless-sync-delay", "0", "--user", "repl", "on", ">x", "+psync",
                      "+replconf", "+ping"}};
  RedisServer replica{{"--replicaof", "127.0.0.1", Port(), "--masteruser", "repl", "--masterauth",
                       "x", "--replica-read-only", "no"}};
  std::unique_ptr<RedisSentinel> sentinel;

  Failover() {
    EXPECT_TRUE(WaitUntil([&] { return Replicated(); }));
    sentinel = std::make_unique<RedisSentinel>(master);
    EXPECT_TRUE(sentinel->Knows(replica));
  }
  std::string Port() const {
    return master.tcp_address().substr(master.tcp_address().find(':') + 1);
  }
  std::string address() const { return "sentinel://" + sentinel->address() + "/exam"; }
  bool Replicated() const { return master.Command("WAIT 1 1000") == ":1"; }
  // What the master gets from now on, the replica does not.
  void Cut() const {
    EXPECT_EQ(master.Command("ACL SETUSER repl off"), "+OK");
    EXPECT_EQ(master.Command("CLIENT KILL TYPE replica"), ":1");
  }
};

TEST(FailoverTest, AfterAFailoverToALaggingReplicaTheIndexIsCompletedAndEverySessionEndsInTime) {
  for (const bool empty : {false, true}) {
    Failover redis;
    FakeEngine engine(kSystem);
    Replica one(redis.address(), engine, IndexOnly()), two(redis.address(), engine, IndexOnly());
    ASSERT_TRUE(one.Healthy() && two.Healthy());
    const double rebuilt = TimerMetrics::Get().rebuilds.Value();
    constexpr size_t kEach = 500;
    const Time deadline = kSystem.Now() + Seconds(5);
    std::vector<SessionId> extended;
    for (size_t i = 0; i < kEach; ++i) {
      const SessionId id = engine.Add(deadline - Seconds(1));
      one.timers.Schedule(id, deadline - Seconds(1));
      extended.push_back(id);
    }
    ASSERT_TRUE(WaitUntil([&] { return one.client.in_flight() == 0; }) && redis.Replicated());
    redis.Cut();
    // The replica hears neither of extensions nor of starts.
    for (const SessionId& id : extended) {
      engine.Move(id, deadline);
      one.timers.Schedule(id, deadline);
    }
    for (size_t i = 0; i < kEach; ++i) one.timers.Schedule(engine.Add(deadline), deadline);
    ASSERT_TRUE(WaitUntil([&] { return one.client.in_flight() == 0; }));
    if (empty) redis.replica.Command("FLUSHALL");
    redis.master.KillNow();
    ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == 2 * kEach; }));
    PrintLateness(empty ? "failover to an empty replica" : "failover to a lagging replica",
                  engine.Lateness());
    EXPECT_GE(engine.Lateness().front(), Duration(0));
    EXPECT_LT(engine.Lateness().back(), kBound);
    EXPECT_EQ(engine.Sealed(), 2 * kEach);
    EXPECT_EQ(TimerMetrics::Get().rebuilds.Value() - rebuilt, 64)
        << "each shard once, by one of both";
    EXPECT_TRUE(one.Healthy() && two.Healthy());
  }
}

TEST(FailoverTest, DuringAFailoverTheScanEndsSessionsInTime) {
  Failover redis;
  FakeEngine engine(kSystem);
  Replica replica(redis.address(), engine);
  ASSERT_TRUE(replica.Healthy());
  const Time now = kSystem.Now();
  for (int i = 0; i < 500; ++i) {
    const Time deadline = now + Millis(8 * i);
    replica.timers.Schedule(engine.Add(deadline), deadline);
  }
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() > 20; }));
  redis.master.KillNow();
  ASSERT_TRUE(WaitUntil([&] { return engine.Sealed() == 500; }));
  PrintLateness("during a failover", engine.Lateness());
  EXPECT_LT(engine.Lateness().back(), kBound);
  EXPECT_TRUE(replica.Healthy());
}

}  // namespace
}  // namespace invigil::session
