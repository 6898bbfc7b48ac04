#include "services/session/events/delivery_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"

namespace invigil::session {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Time kNow{Micros(1'800'000'000'000'000)};

SessionId Id(uint8_t k) {
  return *SessionId::FromBytes(std::string(SessionId::kSize, static_cast<char>(k)));
}
void Add(DeliveryPlan& plan, uint64_t n, uint8_t session) {
  plan.AddNew(n, {Id(session), n}, kNow);
}
std::vector<uint64_t> TakeAll(DeliveryPlan& plan, Time now = kNow) {
  std::vector<uint64_t> taken;
  while (const auto next = plan.Take(now)) taken.push_back(next->n);
  return taken;
}
std::vector<uint64_t> Put(const DeliveryPlan& plan) {
  std::vector<uint64_t> list;
  for (const Undelivered& row : plan.changes().put) list.push_back(row.n);
  return list;
}

TEST(DeliveryPlanTest, OneOfASessionAtATimeAndSessionsBesideEachOther) {
  DeliveryPlan plan({}, 10);
  Add(plan, 11, 1);
  Add(plan, 12, 1);
  Add(plan, 14, 2);
  plan.ReadTo(20);
  EXPECT_EQ(plan.Position(), 10u);
  EXPECT_THAT(TakeAll(plan), ElementsAre(11, 14));
  plan.Delivered(14);
  EXPECT_EQ(plan.Position(), 10u);
  plan.Delivered(11);
  EXPECT_EQ(plan.Position(), 11u);
  EXPECT_THAT(TakeAll(plan), ElementsAre(12));
  plan.Delivered(12);
  EXPECT_EQ(plan.Position(), 20u);
  EXPECT_TRUE(plan.idle());
  EXPECT_THAT(Put(plan), IsEmpty());
  EXPECT_THAT(plan.changes().gone, IsEmpty());
}

TEST(DeliveryPlanTest, AFailureHoldsUpItsSessionAndNobodyElse) {
  DeliveryPlan plan({.tries = 3, .backoff = Seconds(10)}, 0);
  Add(plan, 1, 1);
  Add(plan, 2, 1);
  Add(plan, 3, 2);
  EXPECT_THAT(TakeAll(plan), ElementsAre(1, 3));
  EXPECT_FALSE(plan.Failed(1, "HTTP 500", kNow, 0.5));
  // It and what stands behind it have rows, so the position goes on.
  EXPECT_THAT(Put(plan), ElementsAre(1, 2));
  EXPECT_EQ(plan.Position(), 2u);
  plan.ChangesStored();
  Add(plan, 4, 1);
  EXPECT_THAT(Put(plan), ElementsAre(4));
  plan.Delivered(3);
  EXPECT_EQ(plan.Position(), 4u);
  EXPECT_THAT(TakeAll(plan, kNow + Seconds(9)), IsEmpty());
  EXPECT_THAT(TakeAll(plan, kNow + Seconds(10)), ElementsAre(1));
  plan.Delivered(1);
  EXPECT_THAT(plan.changes().gone, ElementsAre(1));
  EXPECT_THAT(TakeAll(plan, kNow + Seconds(10)), ElementsAre(2));
}

TEST(DeliveryPlanTest, WaitsGrowAndEndWithADeadLetter) {
  DeliveryPlan plan({.tries = 4, .backoff = Seconds(10), .max_backoff = Seconds(60)}, 0);
  Add(plan, 1, 1);
  Add(plan, 2, 1);
  Time now = kNow;
  for (const int seconds : {10, 30, 60}) {
    ASSERT_TRUE(plan.Take(now));
    EXPECT_FALSE(plan.Failed(1, "HTTP 500", now, 0.5));
    EXPECT_FALSE(plan.Take(now + Seconds(seconds) - Micros(1)));
    now += Seconds(seconds);
  }
  ASSERT_TRUE(plan.Take(now));
  EXPECT_TRUE(plan.Failed(1, "HTTP 503", now, 0.5));
  const auto changes = plan.changes();
  ASSERT_EQ(changes.put.size(), 2u);
  EXPECT_EQ(changes.put[0].n, 1u);
  EXPECT_TRUE(changes.put[0].dead);
  EXPECT_EQ(changes.put[0].tries, 4u);
  EXPECT_EQ(changes.put[0].error, "HTTP 503");
  EXPECT_FALSE(changes.put[1].dead);
  EXPECT_THAT(TakeAll(plan, now), ElementsAre(2));
}

TEST(DeliveryPlanTest, JitterStaysWithinAFifth) {
  for (const double spread : {0.0, 0.999}) {
    DeliveryPlan plan({.backoff = Seconds(10)}, 0);
    Add(plan, 1, 1);
    plan.Take(kNow);
    plan.Failed(1, "x", kNow, spread);
    const Duration wait = plan.changes().put[0].next_at - kNow;
    EXPECT_GE(wait, Seconds(8));
    EXPECT_LE(wait, Seconds(12));
  }
}

TEST(DeliveryPlanTest, AfterARestartRowsAreNotReadTwice) {
  DeliveryPlan plan({}, 5);
  Undelivered waiting;
  waiting.n = 7;
  waiting.key = {Id(1), 7};
  plan.AddWaiting(waiting);
  plan.AddDead(8);
  Add(plan, 6, 2);
  Add(plan, 7, 1);
  Add(plan, 8, 3);
  Add(plan, 9, 4);
  EXPECT_EQ(plan.size(), 3u);
  EXPECT_THAT(TakeAll(plan), ElementsAre(6, 7, 9));
  plan.PutBack(7);
  EXPECT_THAT(TakeAll(plan), ElementsAre(7));
}

TEST(DeliveryPlanTest, TheWindowAndWhatIsOnItsWayAreBounded) {
  DeliveryPlan plan({.window = 4, .in_flight = 2}, 0);
  for (uint8_t k = 1; k <= 4; ++k) Add(plan, k, k);
  EXPECT_TRUE(plan.full());
  EXPECT_THAT(TakeAll(plan), ElementsAre(1, 2));
  plan.Delivered(2);
  EXPECT_FALSE(plan.full());
  EXPECT_THAT(TakeAll(plan), ElementsAre(3));
}

// Whatever fails, and wherever it is cut off and begun again from what was stored: every event is
// delivered or dead, and a session's first deliveries are in order.
TEST(DeliveryPlanTest, NothingIsLostOrOvertakesWhateverHappens) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    const PlanOptions options{.tries = 3, .backoff = Seconds(1), .window = 12, .in_flight = 3};
    constexpr uint64_t kEvents = 60;
    std::vector<uint8_t> session_of(kEvents + 1);
    for (uint8_t& session : session_of) session = static_cast<uint8_t>(random.Below(6));
    std::map<uint64_t, Undelivered> rows;  // the database
    uint64_t position = 0;
    std::vector<uint64_t> order;  // first deliveries and deaths
    std::set<uint64_t> settled;
    DeliveryPlan plan(options, 0);
    std::vector<uint64_t> flying;
    Time now = kNow;
    const auto settle = [&](uint64_t n) {
      if (settled.insert(n).second) order.push_back(n);
    };
    for (int step = 0; settled.size() < kEvents && step < 20'000; ++step) {
      now += Millis(100);
      if (random.Below(40) == 0) {  // a crash
        plan = DeliveryPlan(options, position);
        flying.clear();
        for (const auto& [n, row] : rows) row.dead ? plan.AddDead(n) : plan.AddWaiting(row);
      }
      if (!plan.full() && plan.read_to() < kEvents) {
        const uint64_t n = plan.read_to() + 1;
        Add(plan, n, session_of[n]);
      }
      while (const auto next = plan.Take(now)) flying.push_back(next->n);
      if (!flying.empty() && random.Below(2) == 0) {
        const size_t which = random.Below(flying.size());
        const uint64_t n = flying[which];
        flying.erase(flying.begin() + static_cast<ptrdiff_t>(which));
        if (random.Below(3) != 0) {
          plan.Delivered(n);
          settle(n);
        } else if (plan.Failed(n, "x", now, random.Uniform())) {
          settle(n);
        }
      }
      if (random.Below(3) == 0) {
        const auto changes = plan.changes();
        for (const Undelivered& row : changes.put) rows[row.n] = row;
        for (const uint64_t n : changes.gone) rows.erase(n);
        position = plan.Position();
        plan.ChangesStored();
      }
    }
    ASSERT_EQ(settled.size(), kEvents) << "seed " << seed;
    std::map<uint8_t, uint64_t> last;
    for (const uint64_t n : order) {
      EXPECT_GT(n, last[session_of[n]]) << "seed " << seed;
      last[session_of[n]] = n;
    }
  }
}

}  // namespace
}  // namespace invigil::session
