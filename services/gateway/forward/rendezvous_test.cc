#include "services/gateway/forward/rendezvous.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/hash.h"

namespace invigil::gateway {
namespace {

std::vector<uint64_t> Seeds(int n) {
  std::vector<uint64_t> seeds;
  for (int i = 0; i < n; ++i) seeds.push_back(StableHash("10.0.0." + std::to_string(i) + ":7000"));
  return seeds;
}

TEST(Rendezvous, LosingAReplicaMovesOnlyItsKeys) {
  const auto seeds = Seeds(5);
  for (int lost = 0; lost < 5; ++lost) {
    for (int k = 0; k < 2000; ++k) {
      const std::string key = "session-" + std::to_string(k);
      const int before = PickReplica(key, seeds, 0b11111);
      const int after = PickReplica(key, seeds, 0b11111 & ~(1u << lost));
      if (before == lost) {
        EXPECT_NE(after, lost);
      } else {
        EXPECT_EQ(after, before);
      }
    }
  }
}

TEST(Rendezvous, SpreadsKeysEvenly) {
  const auto seeds = Seeds(4);
  std::vector<int> count(4);
  for (int k = 0; k < 40'000; ++k) ++count[PickReplica("session-" + std::to_string(k), seeds, 0xf)];
  // Five standard deviations of a fair split of 40,000 are about 433.
  for (int n : count) EXPECT_NEAR(n, 10'000, 433);
}

TEST(Rendezvous, KeysOfALostReplicaSpreadOverTheOthers) {
  const auto seeds = Seeds(4);
  std::vector<int> count(4);
  for (int k = 0; k < 40'000; ++k) {
    const std::string key = "session-" + std::to_string(k);
    if (PickReplica(key, seeds, 0xf) == 2) ++count[PickReplica(key, seeds, 0xb)];
  }
  EXPECT_EQ(count[2], 0);
  for (int i : {0, 1, 3}) EXPECT_GT(count[i], 2'900);
}

TEST(Rendezvous, OrderOfTheListDoesNotMatter) {
  const auto seeds = Seeds(3);
  const std::vector<uint64_t> reversed(seeds.rbegin(), seeds.rend());
  for (int k = 0; k < 100; ++k) {
    const std::string key = std::to_string(k);
    EXPECT_EQ(PickReplica(key, seeds, 7), 2 - PickReplica(key, reversed, 7));
  }
}

TEST(Rendezvous, NobodyEligible) { EXPECT_EQ(PickReplica("x", Seeds(3), 0), -1); }

}  // namespace
}  // namespace invigil::gateway
