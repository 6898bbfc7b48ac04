// Against a real redis-server.
#include "common/redis/client.h"

#include <atomic>
#include <cstdio>
#include <fstream>
#include <future>
#include <thread>

#include "common/base/clock.h"
#include "common/error/error.h"
#include "common/telemetry/metrics.h"
#include "common/testing/redis_server.h"
#include "common/testing/wait_until.h"
#include "gtest/gtest.h"

namespace invigil::redis {
namespace {

using testing::RedisServer;
using testing::WaitUntil;

ClientOptions OptionsFor(const std::string& address) {
  ClientOptions options;
  options.address = *ParseAddress(address);
  options.name = "test";
  return options;
}

std::string Text(const absl::StatusOr<Reply>& reply) {
  return reply.ok() ? reply->text : reply.status().ToString();
}

TEST(RedisClientTest, CarriesAnyBytesOverBothKindsOfSocket) {
  RedisServer server;
  for (const std::string& address : {server.tcp_address(), server.unix_address()}) {
    Client client(OptionsFor(address));
    const std::string value("a\0\r\n\xff z", 7);
    // Issued before the connection stands: it waits for it.
    EXPECT_EQ(Text(CallAndWait(client, {"SET", "k", value}, Seconds(5))), "OK");
    EXPECT_EQ(Text(CallAndWait(client, {"GET", "k"}, Seconds(5))), value);
    EXPECT_TRUE(CallAndWait(client, {"GET", "none"}, Seconds(5))->IsNil());
    const auto list = CallAndWait(client, {"MGET", "k", "none"}, Seconds(5));
    ASSERT_EQ(list->elements.size(), 2u);
    EXPECT_EQ(list->elements[0].text, value);
    EXPECT_EQ(ReasonOf(CallAndWait(client, {"INCR", "k"}, Seconds(5)).status()),
              "REDIS_COMMAND_REFUSED");
  }
}

TEST(RedisClientTest, AnswersKeepTheOrderOfEachCallingThread) {
  RedisServer server;
  Client client(OptionsFor(server.unix_address()));
  constexpr int kThreads = 4, kEach = 2000;
  std::atomic<int> answered{0}, wrong{0};
  std::vector<int64_t> last(kThreads, 0);  // touched by the client's thread only
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 1; i <= kEach; ++i) {
        client.Command({"INCR", "n" + std::to_string(t)}, Seconds(20),
                       [&, t, i](absl::StatusOr<Reply> reply) {
                         if (!reply.ok() || reply->integer != i || last[t] != i - 1) ++wrong;
                         last[t] = i;
                         ++answered;
                       });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(WaitUntil([&] { return answered == kThreads * kEach; }, Seconds(30)));
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(WaitUntil([&] { return client.in_flight() == 0; }));
}

TEST(RedisClientTest, TimeoutIsUnknownKeepsItsPlaceAndLaterAnswersStayMatched) {
  RedisServer server;
  ClientOptions options = OptionsFor(server.unix_address());
  options.watchdog = Seconds(30);  // the connection must survive
  Client client(options);
  ASSERT_EQ(Text(CallAndWait(client, {"PING"}, Seconds(5))), "PONG");
  telemetry::Counter& unknown =
      telemetry::GetCounter("invigil_redis_unknown_total", "Commands sent whose outcome is unknown",
                            {{"client", "test"}});
  const double unknown_before = unknown.Value();

  server.Pause();
  const SystemClock clock;
  const Duration start = clock.Monotonic();
  const absl::Status late = CallAndWait(client, {"INCR", "n"}, Millis(100)).status();
  EXPECT_EQ(late.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(late), "REDIS_UNKNOWN_OUTCOME");
  EXPECT_LT(clock.Monotonic() - start, Seconds(2));
  EXPECT_EQ(client.in_flight(), 1) << "the place is kept until Redis answers";
  EXPECT_EQ(unknown.Value(), unknown_before + 1);

  std::promise<absl::StatusOr<Reply>> second;
  client.Command({"INCR", "n"}, Seconds(20), [&](auto reply) { second.set_value(reply); });
  server.Resume();
  // 2: the one given up did run, and its late answer was not taken for this one.
  EXPECT_EQ(second.get_future().get()->integer, 2);
  EXPECT_TRUE(WaitUntil([&] { return client.in_flight() == 0; }));
}

TEST(RedisClientTest, WatchdogGivesUpAStoppedServerAndComesBack) {
  RedisServer server;
  ClientOptions options = OptionsFor(server.tcp_address());
  options.watchdog = Millis(400);
  options.connect_timeout = Millis(300);
  Client client(options);
  ASSERT_EQ(Text(CallAndWait(client, {"PING"}, Seconds(5))), "PONG");
  server.Pause();
  // Nobody asks anything: the client's own PING finds it.
  ASSERT_TRUE(WaitUntil([&] { return !client.ready(); }));
  // The kernel still accepts connections for the stopped process; they must not count as ready.
  const absl::Status refused = CallAndWait(client, {"PING"}, Millis(200)).status();
  EXPECT_EQ(ReasonOf(refused), "REDIS_NOT_CONNECTED") << refused;
  server.Resume();
  ASSERT_TRUE(WaitUntil([&] { return client.ready(); }));
  EXPECT_EQ(Text(CallAndWait(client, {"PING"}, Seconds(5))), "PONG");
}

TEST(RedisClientTest, BrokenConnectionIsUnknownThenNotConnectedThenBack) {
  RedisServer server;
  Client client(OptionsFor(server.tcp_address()));
  ASSERT_EQ(Text(CallAndWait(client, {"PING"}, Seconds(5))), "PONG");
  std::promise<absl::Status> outcome;
  client.Command({"BLPOP", "never", "0"}, Seconds(60),
                 [&](auto reply) { outcome.set_value(reply.status()); });
  ASSERT_TRUE(WaitUntil([&] { return client.in_flight() == 1; }));
  // Sent for sure: Redis counts a blocked client.
  ASSERT_TRUE(WaitUntil([&] {
    const auto info = server.Command(
        "EVAL \"return redis.call('INFO','clients'):match("
        "'blocked_clients:(%d+)') + 0\" 0");
    return info == ":1";
  }));
  server.KillNow();
  EXPECT_EQ(ReasonOf(outcome.get_future().get()), "REDIS_UNKNOWN_OUTCOME");
  ASSERT_TRUE(WaitUntil([&] {
    return ReasonOf(CallAndWait(client, {"PING"}, Seconds(1)).status()) == "REDIS_NOT_CONNECTED";
  }));
  server.Restart();
  ASSERT_TRUE(WaitUntil([&] { return client.ready(); }));
  EXPECT_EQ(Text(CallAndWait(client, {"PING"}, Seconds(5))), "PONG");
}

TEST(RedisClientTest, FullRefusesAtOnceAndTheRestIsServed) {
  RedisServer server;
  ClientOptions options = OptionsFor(server.unix_address());
  options.max_in_flight = 10;
  options.watchdog = Seconds(30);
  Client client(options);
  ASSERT_EQ(Text(CallAndWait(client, {"PING"}, Seconds(5))), "PONG");
  ASSERT_TRUE(WaitUntil([&] { return client.in_flight() == 0; }));
  server.Pause();
  std::atomic<int> served{0}, refused{0};
  for (int i = 0; i < 15; ++i) {
    client.Command({"PING"}, Seconds(20), [&](absl::StatusOr<Reply> reply) {
      if (reply.ok()) ++served;
      if (ReasonOf(reply.status()) == "REDIS_BUSY" &&
          reply.status().code() == absl::StatusCode::kResourceExhausted) {
        ++refused;
      }
    });
  }
  EXPECT_TRUE(WaitUntil([&] { return refused == 5; }));
  EXPECT_EQ(served, 0);
  server.Resume();
  EXPECT_TRUE(WaitUntil([&] { return served == 10; }));
}

TEST(RedisClientTest, ScriptForgottenByRedisIsSentAgain) {
  RedisServer server;
  Client client(OptionsFor(server.unix_address()));
  static const Script script("return {KEYS[1], ARGV[1], #ARGV[1]}");
  const std::string bytes("\0\x01\xff\r\n", 5);
  for (int round = 0; round < 3; ++round) {
    std::promise<absl::StatusOr<Reply>> answer;
    client.Eval(script, {"{k}"}, {bytes}, Seconds(5), [&](auto reply) { answer.set_value(reply); });
    const auto reply = answer.get_future().get();
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->elements[1].text, bytes);
    EXPECT_EQ(reply->elements[2].integer, 5);
    EXPECT_EQ(
        CallAndWait(client, {"SCRIPT", "EXISTS", script.sha1()}, Seconds(5))->elements[0].integer,
        1);
    if (round == 1) {
      ASSERT_EQ(server.Command("SCRIPT FLUSH"), "+OK");
    }
  }
}

TEST(RedisClientTest, UserAndPasswordComeFromAFileReadAtEveryConnect) {
  RedisServer server;
  ASSERT_EQ(server.Command("ACL SETUSER session on >secret ~* +@all"), "+OK");
  const testing::TempDir dir;
  std::ofstream(dir.Path("credentials")) << "session\nwrong\n";
  ClientOptions options = OptionsFor(server.tcp_address());
  options.credentials_path = dir.Path("credentials");
  Client client(options);
  EXPECT_TRUE(WaitUntil([&] { return client.state() == ConnectionState::kDisconnected; }));
  std::ofstream(dir.Path("credentials")) << "session\nsecret\n";
  ASSERT_TRUE(WaitUntil([&] { return client.ready(); }));
  EXPECT_EQ(Text(CallAndWait(client, {"ACL", "WHOAMI"}, Seconds(5))), "session");
}

TEST(RedisClientTest, HostNamesAreResolvedAndUnknownOnesOnlyDelay) {
  RedisServer server;
  const std::string port = server.tcp_address().substr(server.tcp_address().find(':'));
  Client client(OptionsFor("localhost" + port));
  EXPECT_EQ(Text(CallAndWait(client, {"PING"}, Seconds(5))), "PONG");
  Client lost(OptionsFor("no-such-host.invalid:6379"));
  EXPECT_EQ(ReasonOf(CallAndWait(lost, {"PING"}, Seconds(5)).status()), "REDIS_NOT_CONNECTED");
}

TEST(RedisClientTest, DestructionAnswersEverythingAlsoWhatAnswersSubmit) {
  RedisServer server;
  std::atomic<int> called{0};
  {
    ClientOptions options = OptionsFor(server.unix_address());
    options.watchdog = Seconds(30);
    Client client(options);
    ASSERT_EQ(Text(CallAndWait(client, {"PING"}, Seconds(5))), "PONG");
    server.Pause();
    for (int i = 0; i < 100; ++i) {
      client.Command({"PING"}, Seconds(60), [&](const absl::StatusOr<Reply>& first) {
        EXPECT_FALSE(first.ok());
        ++called;
        client.Command({"PING"}, Seconds(60), [&](const absl::StatusOr<Reply>& second) {
          EXPECT_FALSE(second.ok());
          ++called;
        });
      });
    }
  }
  EXPECT_EQ(called, 200);
  server.Resume();
}

TEST(RedisClientTest, StateChangesAreReported) {
  RedisServer server;
  std::atomic<int> ready{0}, disconnected{0};
  ClientOptions options = OptionsFor(server.unix_address());
  options.on_state = [&](ConnectionState state) {
    if (state == ConnectionState::kReady) ++ready;
    if (state == ConnectionState::kDisconnected) ++disconnected;
  };
  Client client(options);
  ASSERT_TRUE(WaitUntil([&] { return ready == 1; }));
  server.KillNow();
  ASSERT_TRUE(WaitUntil([&] { return disconnected >= 1; }));
  server.Restart();
  ASSERT_TRUE(WaitUntil([&] { return ready == 2; }));
}

// A figure to notice when it falls by half, not a benchmark: printed, and held to a low floor.
TEST(RedisClientTest, PipelinesManyCommands) {
  RedisServer server;
  Client client(OptionsFor(server.unix_address()));
  ASSERT_EQ(Text(CallAndWait(client, {"PING"}, Seconds(5))), "PONG");
  constexpr int kCommands = 100000, kWindow = 256;
  std::atomic<int> answered{0}, failed{0}, issued{0};
  std::function<void()> issue = [&] {
    const int i = issued++;
    if (i >= kCommands) return;
    client.Command({"HSET", "h" + std::to_string(i % 1000), "f", "v"}, Seconds(20),
                   [&](const absl::StatusOr<Reply>& reply) {
                     if (!reply.ok()) ++failed;
                     ++answered;
                     issue();
                   });
  };
  const SystemClock clock;
  const Duration start = clock.Monotonic();
  for (int i = 0; i < kWindow; ++i) issue();
  ASSERT_TRUE(WaitUntil([&] { return answered >= kCommands; }, Seconds(60)));
  const double seconds = (clock.Monotonic() - start).count() / 1e6;
  printf("%d HSET, %d in flight: %.0f/s\n", kCommands, kWindow, kCommands / seconds);
  EXPECT_EQ(failed, 0);
  EXPECT_GT(kCommands / seconds, 5000);
  // `issue` is called by the last answers: they must be over before it goes.
  ASSERT_TRUE(WaitUntil([&] { return client.in_flight() == 0; }));
}

}  // namespace
}  // namespace invigil::redis
