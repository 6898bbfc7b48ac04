#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/random.h"
#include "common/redis/client.h"
#include "common/testing/redis_server.h"
#include "common/testing/wait_until.h"
#include "services/session/replicas/pulse.h"
#include "services/session/replicas/pulse_share.h"
#include "services/session/replicas/pulse_text.h"

namespace invigil::session {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const SessionId kAnn = *SessionId::FromHex(std::string(31, '0') + "1");
const SessionId kBob = *SessionId::FromHex(std::string(31, '0') + "2");
const Time kNow = FromUnixMicros(1'800'000'000'000'000);

TEST(PulseTest, TheNewestSignCountsWhoeverSawIt) {
  Pulse pulse;
  EXPECT_EQ(pulse.Last(kAnn), std::nullopt);
  pulse.Beat(kAnn, Seconds(10), 2);
  pulse.Beat(kAnn, Seconds(11), std::nullopt);
  EXPECT_EQ(pulse.Last(kAnn), (Pulse::Sign{Seconds(11), 2}));
  pulse.Hear(kAnn, {Seconds(9), 7});
  EXPECT_EQ(pulse.Last(kAnn), (Pulse::Sign{Seconds(11), 2}));
  pulse.Hear(kAnn, {Seconds(12), 0});
  pulse.Hear(kAnn, {Seconds(11), 5});  // late
  EXPECT_EQ(pulse.Last(kAnn), (Pulse::Sign{Seconds(12), 0}));
  pulse.ForgetIf(kAnn, Seconds(11));
  EXPECT_EQ(pulse.Last(kAnn), (Pulse::Sign{Seconds(12), 0}));
  pulse.Purge(Seconds(13));
  EXPECT_EQ(pulse.Last(kAnn), std::nullopt);
  pulse.Beat(kBob, Seconds(20), 70'000);
  EXPECT_EQ(pulse.Last(kBob)->unsaved, 65'535);
}

TEST(PulseTest, SignsKeepTheirAgeFromOneMachineToAnother) {
  // The writer has run for an hour, the reader for a minute; what is read was written 2 s ago.
  const std::string bytes =
      EncodePulse({{kAnn, {Seconds(3590), 3}}, {kBob, {Seconds(3600), 0}}}, kNow, Seconds(3600));
  EXPECT_EQ(bytes.size(), 8u + 2 * 22);
  EXPECT_THAT(DecodePulse(bytes, kNow + Seconds(2), Seconds(60)),
              ElementsAre(Pair(kAnn, Pulse::Sign{Seconds(48), 3}),
                          Pair(kBob, Pulse::Sign{Seconds(58), 0})));
  // A reader whose clock is behind takes it for new, never for the future.
  EXPECT_THAT(DecodePulse(bytes, kNow - Seconds(2), Seconds(60)),
              ElementsAre(Pair(kAnn, Pulse::Sign{Seconds(50), 3}),
                          Pair(kBob, Pulse::Sign{Seconds(60), 0})));
}

TEST(PulseTest, DamagedBytesSayNothing) {
  const std::string bytes = EncodePulse({{kAnn, {Seconds(1), 3}}}, kNow, Seconds(2));
  for (size_t size = 0; size < bytes.size(); ++size) {
    if (size == 8) continue;  // nobody
    EXPECT_THAT(DecodePulse(bytes.substr(0, size), kNow, Seconds(2)), IsEmpty()) << size;
  }
}

class PulseShareTest : public ::testing::Test {
 protected:
  // A replica as far as this concerns it; its machine has run for `uptime`.
  struct Replica {
    Replica(const std::string& address, const std::string& name, Duration uptime)
        : clock(kNow - uptime) {
      clock.Advance(uptime);
      redis = std::make_unique<redis::Client>(
          redis::ClientOptions{.address = *redis::ParseEndpoint(address), .name = "test"});
      share = std::make_unique<PulseShare>(
          *redis, pulse, clock, clock, [this] { return listening.load(); },
          PulseShareOptions{.prefix = "t:", .replica = name, .every = Millis(20)});
      share->Start();
    }
    std::optional<Pulse::Sign> Last(const SessionId& session) { return pulse->Last(session); }
    ManualClock clock;
    const std::shared_ptr<Pulse> pulse = std::make_shared<Pulse>();
    std::atomic<bool> listening{false};
    std::unique_ptr<redis::Client> redis;
    std::unique_ptr<PulseShare> share;  // ends before what it uses
  };
  testing::RedisServer server_;
};

TEST_F(PulseShareTest, WhoLooksHearsWhatOthersSaw) {
  Replica a(server_.tcp_address(), "a", Seconds(5000)), b(server_.tcp_address(), "b", Seconds(70));
  b.listening = true;
  a.pulse->Beat(kAnn, a.clock.Monotonic() - Seconds(4), 2);
  ASSERT_TRUE(testing::WaitUntil([&] { return b.Last(kAnn).has_value(); }));
  EXPECT_EQ(*b.Last(kAnn), (Pulse::Sign{b.clock.Monotonic() - Seconds(4), 2}));
  a.pulse->Beat(kAnn, a.clock.Monotonic(), 0);
  EXPECT_TRUE(testing::WaitUntil([&] {
    return *b.Last(kAnn) == (Pulse::Sign{b.clock.Monotonic(), 0});
  }));
  b.pulse->Beat(kBob, b.clock.Monotonic(), 1);
  // a does not look, so it hears nothing; b's own is not told back to b as another's.
  a.listening = true;
  EXPECT_TRUE(testing::WaitUntil([&] { return a.Last(kBob).has_value(); }));
}

TEST_F(PulseShareTest, WhatAReplicaSawOutlivesItAndRedisAwayIsNoHarm) {
  Replica b(server_.tcp_address(), "b", Seconds(70));
  {
    Replica a(server_.tcp_address(), "a", Seconds(10));
    a.pulse->Beat(kAnn, a.clock.Monotonic(), 5);
    b.listening = true;
    ASSERT_TRUE(testing::WaitUntil([&] { return b.Last(kAnn).has_value(); }));
  }
  Replica c(server_.tcp_address(), "c", Seconds(20));
  c.listening = true;
  EXPECT_TRUE(testing::WaitUntil([&] { return c.Last(kAnn).has_value(); }));
  server_.KillNow();
  EXPECT_TRUE(testing::WaitUntil([&] { return !c.redis->ready(); }));
  c.pulse->Beat(kAnn, c.clock.Monotonic(), 0);
  EXPECT_EQ(c.Last(kAnn)->unsaved, 0);
}

}  // namespace
}  // namespace invigil::session
