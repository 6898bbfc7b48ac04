// Seeded randomness that gives the same numbers on every machine and in every release: forms are
// rebuilt from recorded seeds, so std:: distributions (which may differ) are not used.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace invigil {

// xoshiro256** (Blackman & Vigna 2018), seeded through SplitMix64. Not for secrets.
class Random {
 public:
  explicit Random(uint64_t seed);
  // Uniform over all 64-bit values.
  uint64_t Next();
  // Uniform in [0, n); n > 0. Unbiased (Lemire 2019).
  uint64_t Below(uint64_t n);
  // Uniform in [0, 1).
  double Uniform();
  // Standard normal (Marsaglia polar method).
  double Normal();
  // Fisher-Yates.
  template <typename T>
  void Shuffle(std::vector<T>& v) {
    for (size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[Below(i)]);
  }

 private:
  std::array<uint64_t, 4> state_;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace invigil
