#include "services/gateway/forward/rendezvous.h"

#include "common/base/hash.h"

namespace invigil::gateway {
namespace {

// Finishing mix of SplitMix64: every bit of the key's hash and of the seed reaches every bit.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

int PickReplica(std::string_view key, const std::vector<uint64_t>& seeds, uint64_t eligible) {
  int best = -1;
  uint64_t best_weight = 0;
  const uint64_t hash = StableHash(key);
  for (size_t i = 0; i < seeds.size(); ++i) {
    if (!(eligible >> i & 1)) continue;
    const uint64_t weight = Mix(hash ^ seeds[i]);
    if (best < 0 || weight > best_weight) {
      best = static_cast<int>(i);
      best_weight = weight;
    }
  }
  return best;
}

}  // namespace invigil::gateway
