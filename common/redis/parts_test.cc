#include <algorithm>
#include <fstream>
#include <set>
#include <thread>

#include "common/base/random.h"
#include "common/error/error.h"
#include "common/redis/address.h"
#include "common/redis/deadline_wheel.h"
#include "common/redis/mpsc_stack.h"
#include "common/redis/reply.h"
#include "common/redis/script.h"
#include "common/testing/temp_dir.h"
#include "gtest/gtest.h"

namespace invigil::redis {
namespace {

TEST(AddressTest, ReadsEveryForm) {
  EXPECT_EQ(ParseAddress("unix:/run/r.sock")->unix_path, "/run/r.sock");
  EXPECT_EQ(ParseAddress("10.0.0.1:7000")->port, 7000);
  EXPECT_EQ(ParseAddress("redis.internal")->port, 6379);
  EXPECT_EQ(ParseAddress("[::1]:7")->host, "::1");
  for (const char* text : {"unix:/run/r.sock", "10.0.0.1:7000", "[::1]:7"}) {
    EXPECT_EQ(ParseAddress(text)->ToString(), text);
  }
}

TEST(AddressTest, RefusesWhatCannotBeAnAddress) {
  for (const char* text :
       {"", "unix:", ":6379", "host:", "host:0", "host:65536", "host:x", "::1", "[::1", "[::1]x"}) {
    EXPECT_EQ(ReasonOf(ParseAddress(text).status()), "REDIS_ADDRESS_INVALID") << text;
  }
  EXPECT_FALSE(ParseAddress("unix:/" + std::string(120, 'x')).ok());
}

TEST(EndpointTest, ReadsEveryForm) {
  EXPECT_EQ(ParseEndpoint("10.0.0.1:7000")->address.port, 7000);
  EXPECT_EQ(ParseEndpoint("unix:/run/r.sock")->address.unix_path, "/run/r.sock");
  const Endpoint plain = *ParseEndpoint("redis://session:s%20e%3Ac%40@[::1]:7000");
  EXPECT_EQ(plain.ToString(), "[::1]:7000");
  EXPECT_EQ(plain.credentials.user, "session");
  EXPECT_EQ(plain.credentials.password, "s e:c@");
  const Endpoint many = *ParseEndpoint("sentinel://:secret@a:1,[::1],10.0.0.3:3/exam");
  EXPECT_EQ(many.ToString(), "sentinel://a:1,[::1]:26379,10.0.0.3:3/exam");
  EXPECT_EQ(many.sentinels.size(), 3u);
  EXPECT_EQ(many.master, "exam");
  EXPECT_EQ(many.credentials.user, "");
  EXPECT_EQ(many.credentials.password, "secret");
}

TEST(EndpointTest, WhatIsWrongIsSaidWithoutTheCredentials) {
  for (const char* text :
       {"sentinel://", "sentinel://a:1", "sentinel://a:1/", "sentinel://a:1,/m",
        "sentinel://a:1/m/n", "sentinel://a:x/m", "redis://", "redis://a:0", "redis://a/3",
        "redis://user@a", "http://a:1", "redis://u:%zz@a", "redis://u:@a", "redis://u:secret@a:b",
        "sentinel://u:secret@a:1", "sentinel://u:sec/ret@a:b/m", "u:secret@a:1"}) {
    const absl::Status status = ParseEndpoint(text).status();
    EXPECT_EQ(ReasonOf(status), "REDIS_ADDRESS_INVALID") << text;
    EXPECT_EQ(std::string(status.message()).find("ret"), std::string::npos) << status.message();
  }
}

TEST(AddressTest, Credentials) {
  const testing::TempDir dir;
  std::ofstream(dir.Path("both")) << "session\nsecret\n";
  std::ofstream(dir.Path("one")) << "secret";
  EXPECT_EQ(ReadCredentials(dir.Path("both"))->user, "session");
  EXPECT_EQ(ReadCredentials(dir.Path("both"))->password, "secret");
  EXPECT_EQ(ReadCredentials(dir.Path("one"))->user, "");
  EXPECT_EQ(ReadCredentials(dir.Path("one"))->password, "secret");
  EXPECT_EQ(ReadCredentials("")->password, "");
  EXPECT_EQ(ReasonOf(ReadCredentials(dir.Path("none")).status()), "REDIS_CREDENTIALS_UNREADABLE");
}

TEST(ReplyTest, ErrorsSayWhatTheCallerCanDoAndQuoteNothing) {
  const absl::Status loading = StatusFromErrorReply("LOADING Redis is loading the dataset");
  EXPECT_EQ(loading.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(loading), "REDIS_NOT_READY");
  EXPECT_EQ(ReasonOf(StatusFromErrorReply("OOM command not allowed")), "REDIS_OUT_OF_MEMORY");
  EXPECT_EQ(ReasonOf(StatusFromErrorReply("NOPERM this user")), "REDIS_ACCESS_DENIED");
  const absl::Status other = StatusFromErrorReply("ERR unknown command 'SECRET'");
  EXPECT_EQ(ReasonOf(other), "REDIS_COMMAND_REFUSED");
  EXPECT_EQ(other.ToString().find("SECRET"), std::string::npos);
}

TEST(ScriptTest, NameIsTheSha1OfTheSource) {
  EXPECT_EQ(Script("return 1").sha1(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

TEST(MpscStackTest, KeepsTheOrderOfEachThreadAndLosesNothing) {
  struct Node {
    Node* next_op = nullptr;
    int thread = 0, number = 0;
  };
  constexpr int kThreads = 4, kEach = 20000;
  MpscStack<Node> stack;
  std::vector<std::vector<Node>> nodes(kThreads, std::vector<Node>(kEach));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        nodes[t][i].thread = t;
        nodes[t][i].number = i;
        stack.Push(&nodes[t][i]);
      }
    });
  }
  std::vector<int> next(kThreads, 0);
  for (int taken = 0; taken < kThreads * kEach;) {
    for (Node* node = stack.TakeAll(); node != nullptr; node = node->next_op, ++taken) {
      ASSERT_EQ(node->number, next[node->thread]++);
    }
  }
  for (std::thread& thread : threads) thread.join();
}

// Against the obvious model: a sorted set of deadlines.
TEST(DeadlineWheelTest, ReportsEveryDeadlineOnceNeverEarlyAndAtMostOneTickLate) {
  Random random(7);
  Duration now(123'456'789);
  DeadlineWheel wheel(now);
  std::vector<WheelNode> nodes(2000);
  std::set<WheelNode*> waiting;
  std::vector<Duration> expected(nodes.size());  // the deadline, or when it was added if later
  for (int step = 0; step < 20000; ++step) {
    WheelNode* node = &nodes[random.Below(nodes.size())];
    if (waiting.erase(node) > 0) {
      wheel.Remove(node);
    } else {
      // Past deadlines, and some further away than one turn of the wheel.
      node->due = now - Millis(20) + Micros(random.Below(6'000'000));
      expected[static_cast<size_t>(node - nodes.data())] = std::max(node->due, now);
      wheel.Add(node);
      waiting.insert(node);
    }
    now += random.Below(1000) == 0 ? Duration(Seconds(7)) : Duration(random.Below(3000));
    wheel.Expire(now, [&](WheelNode* expired) {
      ASSERT_LE(expired->due, now);
      ASSERT_EQ(waiting.erase(expired), 1u);
    });
    ASSERT_EQ(wheel.size(), waiting.size());
    for (WheelNode* left : waiting) {
      ASSERT_GE(expected[static_cast<size_t>(left - nodes.data())] + DeadlineWheel::kTick, now);
    }
  }
}

}  // namespace
}  // namespace invigil::redis
