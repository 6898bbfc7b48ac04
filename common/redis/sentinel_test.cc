// Against real redis-servers and real sentinels: who is followed, when, and what is said when
// nobody can be.
#include <atomic>
#include <cstdio>
#include <fstream>
#include <string>

#include "common/base/clock.h"
#include "common/error/error.h"
#include "common/redis/client.h"
#include "common/telemetry/metrics.h"
#include "common/testing/redis_sentinel.h"
#include "common/testing/redis_server.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "gtest/gtest.h"

namespace invigil::redis {
namespace {

using testing::RedisSentinel;
using testing::RedisServer;
using testing::WaitUntil;

// Nobody listens on it.
constexpr char kDead[] = "127.0.0.1:1";

ClientOptions To(const std::string& endpoint) {
  ClientOptions options;
  options.address = *ParseEndpoint(endpoint);
  options.name = "sentinel";
  options.watchdog = Millis(500);
  options.connect_timeout = Millis(500);
  options.max_backoff = Millis(200);
  return options;
}

std::string ListOf(const RedisSentinel& sentinel) {
  return "sentinel://" + std::string(kDead) + "," + sentinel.address() + "/exam";
}

std::string PortOf(const RedisServer& server) {
  return server.tcp_address().substr(server.tcp_address().find(':') + 1);
}

// A master with a replica that has all it has.
struct Pair {
  RedisServer master{{"--repl-diskless-sync-delay", "0"}};
  RedisServer replica{{"--replicaof", "127.0.0.1", PortOf(master)}};
  Pair() {
    // Sentinels look for replicas when they start and then every ten seconds.
    EXPECT_TRUE(WaitUntil([&] { return master.Command("WAIT 1 1000") == ":1"; }, Seconds(30)));
  }
};

std::string Text(const absl::StatusOr<Reply>& reply) {
  return reply.ok() ? reply->text : reply.status().ToString();
}

// The value of a string at one server, whatever its role.
std::string ValueAt(const RedisServer& server, const std::string& key) {
  return server.Command("EVAL \"return {ok = redis.call('GET','" + key + "') or 'none'}\" 0");
}

double ServerChanges() {
  return telemetry::GetCounter("invigil_redis_server_changes_total",
                               "Connections to a server that was not the last one: failovers and "
                               "restarts",
                               {{"client", "sentinel"}})
      .Value();
}

// Until the client can write, on a server that keeps it.
bool Writes(Client& client, const std::string& value) {
  return WaitUntil(
      [&] {
        return CallAndWait(client, {"SET", "k", value}, Seconds(1)).ok();
      },
      Seconds(30));
}

TEST(SentinelTest, TheMasterIsKilledAndTheClientGoesOnWithThePromotedReplica) {
  Pair pair;
  RedisServer &master = pair.master, &replica = pair.replica;
  RedisSentinel sentinel(master);
  ASSERT_TRUE(sentinel.Knows(replica));
  Client client(To(ListOf(sentinel)));
  ASSERT_TRUE(Writes(client, "one"));
  EXPECT_EQ(ValueAt(master, "k"), "+one") << "the dead sentinel was passed over";
  const std::string id = client.server_id();
  EXPECT_EQ(id.size(), 40u);
  const double changes = ServerChanges();

  const SystemClock clock;
  const Duration killed = clock.Monotonic();
  master.KillNow();
  ASSERT_TRUE(Writes(client, "two"));
  printf("writes again %.1f s after the kill\n", (clock.Monotonic() - killed).count() / 1e6);
  EXPECT_EQ(ValueAt(replica, "k"), "+two");
  EXPECT_NE(client.server_id(), id);
  EXPECT_EQ(ServerChanges(), changes + 1);
  EXPECT_EQ(client.trouble(), "");
}

// The connection to a stopped server is as good as ever: only the sentinel's word can move us.
TEST(SentinelTest, AnAnnouncedMasterIsFollowedThoughTheOldConnectionStands) {
  Pair pair;
  RedisServer &master = pair.master, &replica = pair.replica;
  RedisSentinel sentinel(master);
  ASSERT_TRUE(sentinel.Knows(replica));
  ClientOptions options = To(ListOf(sentinel));
  options.watchdog = Seconds(600);
  Client client(options);
  ASSERT_TRUE(Writes(client, "one"));
  master.Pause();
  std::atomic<bool> unknown{false};
  client.Command({"SET", "k", "lost"}, Seconds(60), [&](const absl::StatusOr<Reply>& reply) {
    unknown = ReasonOf(reply.status()) == "REDIS_UNKNOWN_OUTCOME";
  });
  const std::string id = client.server_id();
  ASSERT_TRUE(WaitUntil([&] { return client.ready() && client.server_id() != id; }, Seconds(30)));
  EXPECT_TRUE(unknown) << "told so when the old connection was closed, not a minute later";
  ASSERT_TRUE(Writes(client, "two"));
  EXPECT_EQ(ValueAt(replica, "k"), "+two");
  master.Resume();
}

TEST(SentinelTest, APlannedFailoverIsFollowed) {
  Pair pair;
  RedisServer &master = pair.master, &replica = pair.replica;
  RedisSentinel sentinel(master);
  ASSERT_TRUE(sentinel.Knows(replica));
  Client client(To(ListOf(sentinel)));
  ASSERT_TRUE(Writes(client, "one"));
  ASSERT_EQ(sentinel.Command("SENTINEL FAILOVER exam").substr(0, 3), "+OK");
  ASSERT_TRUE(WaitUntil([&] { return sentinel.Names(replica); }, Seconds(30)));
  ASSERT_TRUE(WaitUntil(
      [&] {
        return CallAndWait(client, {"SET", "k", "two"}, Seconds(1)).ok() &&
               ValueAt(replica, "k") == "+two";
      },
      Seconds(30)));
}

TEST(SentinelTest, AReplicaIsNotTakenForAMasterWhateverASentinelSays) {
  Pair pair;
  RedisServer& replica = pair.replica;
  // Told that the replica is the master.
  RedisSentinel mistaken(replica);
  Client client(To("sentinel://" + mistaken.address() + "/exam"));
  EXPECT_TRUE(WaitUntil([&] {
    return client.trouble().find("127.0.0.1:" + PortOf(replica) + ": the sentinels call it") == 0;
  })) << client.trouble();
  EXPECT_FALSE(client.ready());
}

TEST(SentinelTest, AServerThatBecameAReplicaIsLeft) {
  RedisServer server;
  Client client(To(server.tcp_address()));
  ASSERT_TRUE(Writes(client, "one"));
  ASSERT_EQ(server.Command("REPLICAOF 127.0.0.1 1"), "+OK");
  const absl::Status refused = CallAndWait(client, {"SET", "k", "two"}, Seconds(5)).status();
  EXPECT_EQ(ReasonOf(refused), "REDIS_NOT_READY");
  EXPECT_TRUE(WaitUntil([&] {
    return client.trouble().find("read-only replica") != std::string::npos || client.ready();
  }));
  ASSERT_EQ(server.Command("REPLICAOF NO ONE"), "+OK");
  EXPECT_TRUE(Writes(client, "three"));
}

TEST(SentinelTest, WithoutSentinelsTheConnectionStandsAndAFailoverAfterTheirReturnIsFollowed) {
  Pair pair;
  RedisServer &master = pair.master, &replica = pair.replica;
  RedisSentinel sentinel(master);
  ASSERT_TRUE(sentinel.Knows(replica));
  Client client(To(ListOf(sentinel)));
  ASSERT_TRUE(Writes(client, "one"));
  sentinel.KillNow();
  // It looks for a sentinel in vain, again and again, and writes all the while.
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(CallAndWait(client, {"SET", "k", "two"}, Seconds(2)).ok());
    WaitUntil([] { return false; }, Millis(50));
  }
  sentinel.Restart();
  master.KillNow();
  ASSERT_TRUE(Writes(client, "three"));
  EXPECT_EQ(ValueAt(replica, "k"), "+three");
}

TEST(SentinelTest, SaysWhatEachSentinelSaid) {
  RedisServer master;
  RedisSentinel knows(master), stopped(master), locked(master, "requirepass anything\n");
  stopped.Pause();
  Client client(To("sentinel://" + std::string(kDead) + "," + knows.address() + "," +
                   stopped.address() + "," + locked.address() + ",no-such-host.invalid/other"));
  ASSERT_TRUE(WaitUntil([&] { return !client.trouble().empty(); }));
  const std::string trouble = client.trouble();
  EXPECT_EQ(trouble, "no sentinel names a master: " + std::string(kDead) +
                         ": cannot connect: Connection refused; " + knows.address() +
                         ": it knows no master \"other\"; " + stopped.address() +
                         ": no answer within 300 ms; " + locked.address() +
                         ": it refused to tell: NOAUTH; no-such-host.invalid:26379: its name "
                         "cannot be resolved");
  EXPECT_EQ(ReasonOf(CallAndWait(client, {"PING"}, Seconds(20)).status()), "REDIS_NOT_CONNECTED");
}

TEST(SentinelTest, BothKindsOfCredentialsAreUsedAndNeverTold) {
  const std::string secret = "p@ss:w/rd%";
  RedisServer master({"--requirepass", secret});
  RedisSentinel sentinel(master, "requirepass keeper\nsentinel auth-pass exam " + secret + "\n");
  const testing::TempDir dir;
  std::ofstream(dir.Path("sentinel")) << "keeper\n";
  ClientOptions options = To("sentinel://:p%40ss%3Aw%2Frd%25@" + sentinel.address() + "/exam");
  options.sentinel_credentials_path = dir.Path("sentinel");
  Client client(options);
  EXPECT_EQ(Text(CallAndWait(client, {"PING"}, Seconds(10))), "PONG");

  std::ofstream(dir.Path("sentinel")) << "wrong-one\n";
  Client refused(options);
  EXPECT_TRUE(WaitUntil([&] { return !refused.trouble().empty(); }));
  EXPECT_NE(refused.trouble().find("it refused the credentials: WRONGPASS"), std::string::npos);
  EXPECT_EQ(refused.trouble().find("wrong-one"), std::string::npos);
  EXPECT_EQ(options.address.ToString(), "sentinel://" + sentinel.address() + "/exam");
}

}  // namespace
}  // namespace invigil::redis
