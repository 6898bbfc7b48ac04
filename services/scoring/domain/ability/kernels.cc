// Compiled with -O3 and -ffp-contract=off (see CMakeLists.txt). Each loop is written once, on
// vectors of eight doubles, and inlined into one function per instruction set.
#include "services/scoring/domain/ability/kernels.h"

#include <cmath>
#include <cstring>

namespace invigil::scoring::kernels {
namespace {

#define INVIGIL_INLINE inline __attribute__((always_inline))

using Eight = double __attribute__((vector_size(64)));
using EightBits = int64_t __attribute__((vector_size(64)));
constexpr size_t kUnroll = 4;  // vectors in flight
static_assert(kUnroll * 8 == kNodeStep);

INVIGIL_INLINE Eight Load(const double* from) {
  Eight eight;
  std::memcpy(&eight, from, sizeof eight);
  return eight;
}
INVIGIL_INLINE void Store(double* to, const Eight& eight) { std::memcpy(to, &eight, sizeof eight); }
INVIGIL_INLINE Eight Splat(double value) { return value - Eight{}; }

// Adds and finds maxima in one fixed order.
INVIGIL_INLINE double Sum(const Eight& v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
INVIGIL_INLINE double Top(const Eight& v) {
  double top = v[0];
  for (int i = 1; i < 8; ++i) top = v[i] > top ? v[i] : top;
  return top;
}

// e^x = 2^k e^r with |r| at most ln(2)/2 and e^r by its Taylor polynomial of degree 13 (remainder
// below 4e-18). x at or below 0; what lies below -700 counts as -700.
INVIGIL_INLINE Eight Exp(Eight x) {
  constexpr double kShift = 0x1.8p52;  // adding it leaves round(x) in the low bits
  constexpr double kLog2e = 1.4426950408889634074;
  constexpr double kLn2High = 0x1.62e42fefa3800p-1, kLn2Low = 0x1.ef35793c76730p-45;
  const Eight lowest = Splat(-700);
  x = x > lowest ? x : lowest;
  const Eight shifted = x * kLog2e + kShift;
  const Eight k = shifted - kShift;
  const Eight r = (x - k * kLn2High) - k * kLn2Low;
  const Eight r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
  const Eight p01 = 1.0 + r;
  const Eight p23 = 1.0 / 2 + r * (1.0 / 6);
  const Eight p45 = 1.0 / 24 + r * (1.0 / 120);
  const Eight p67 = 1.0 / 720 + r * (1.0 / 5040);
  const Eight p89 = 1.0 / 40320 + r * (1.0 / 362880);
  const Eight pab = 1.0 / 3628800 + r * (1.0 / 39916800);
  const Eight pcd = 1.0 / 479001600 + r * (1.0 / 6227020800);
  const Eight low = (p01 + r2 * p23) + r4 * (p45 + r2 * p67);
  const Eight high = (p89 + r2 * pab) + r4 * pcd;
  const Eight power = low + r8 * high;
  EightBits bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 52) + (int64_t{1023} << 52);
  Eight scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return power * scale;
}

// Fills the scratch with base + one row per group; returns its maximum.
INVIGIL_INLINE double LogLikelihoods(const Run& run, const uint8_t* bits) {
  Eight top = Splat(kNoWeight);
  for (size_t node = 0; node < run.stride; node += kNodeStep) {
    Eight sum[kUnroll];
    for (size_t u = 0; u < kUnroll; ++u) sum[u] = Load(run.base + node + 8 * u);
    const double* table = run.tables + node;
    for (size_t g = 0; g < run.groups; ++g, table += kPatternsPerGroup * run.stride) {
      const double* row = table + bits[g] * run.stride;
      for (size_t u = 0; u < kUnroll; ++u) sum[u] += Load(row + 8 * u);
    }
    for (size_t u = 0; u < kUnroll; ++u) {
      Store(run.scratch + node + 8 * u, sum[u]);
      top = sum[u] > top ? sum[u] : top;
    }
  }
  return Top(top);
}

// The scratch from log-likelihoods to weights of at most 1; returns their sum.
INVIGIL_INLINE double Exponentiate(const Run& run, double top) {
  Eight sum{};
  for (size_t node = 0; node < run.stride; node += kNodeStep) {
    Eight weight[kUnroll];
    for (size_t u = 0; u < kUnroll; ++u) weight[u] = Exp(Load(run.scratch + node + 8 * u) - top);
    for (size_t u = 0; u < kUnroll; ++u) {
      Store(run.scratch + node + 8 * u, weight[u]);
      sum += weight[u];
    }
  }
  return Sum(sum);
}

INVIGIL_INLINE void MomentsBody(const Run& run, const Moments& out) {
  for (size_t p = 0; p < run.count; ++p) {
    const double top = LogLikelihoods(run, run.bits + p * run.groups);
    const double total = Exponentiate(run, top);
    Eight first{}, second{};
    for (size_t node = 0; node < run.stride; node += 8) {
      first += Load(run.scratch + node) * Load(out.nodes + node);
    }
    const double mean = Sum(first) / total;
    for (size_t node = 0; node < run.stride; node += 8) {
      const Eight distance = Load(out.nodes + node) - mean;
      second += Load(run.scratch + node) * distance * distance;
    }
    out.mean[p] = mean;
    out.deviation[p] = std::sqrt(Sum(second) / total);
  }
}

INVIGIL_INLINE void SumsBody(const Run& run, const Sums& out) {
  for (size_t p = 0; p < run.count; ++p) {
    const uint8_t* bits = run.bits + p * run.groups;
    const double top = LogLikelihoods(run, bits);
    out.log_top[p] = top;
    out.sum[p] = Exponentiate(run, top);
    const double scale = out.frequency[p] / out.sum[p];
    for (size_t node = 0; node < run.stride; node += kNodeStep) {
      Eight post[kUnroll];
      for (size_t u = 0; u < kUnroll; ++u) {
        post[u] = Load(run.scratch + node + 8 * u) * scale;
        Store(out.total + node + 8 * u, Load(out.total + node + 8 * u) + post[u]);
      }
      double* bucket = out.buckets + node;
      for (size_t g = 0; g < run.groups; ++g, bucket += kPatternsPerGroup * run.stride) {
        double* row = bucket + bits[g] * run.stride;
        for (size_t u = 0; u < kUnroll; ++u) Store(row + 8 * u, Load(row + 8 * u) + post[u]);
      }
    }
  }
}

INVIGIL_INLINE void ExponentialsBody(const double* x, double* out, size_t count) {
  for (size_t i = 0; i < count; i += 8) Store(out + i, Exp(Load(x + i)));
}

#if defined(__x86_64__)
#define INVIGIL_AVX2 __attribute__((target("avx2")))
#define INVIGIL_AVX512 __attribute__((target("avx512f,avx512dq")))
INVIGIL_AVX2 void MomentsAvx2(const Run& run, const Moments& out) { MomentsBody(run, out); }
INVIGIL_AVX512 void MomentsAvx512(const Run& run, const Moments& out) { MomentsBody(run, out); }
INVIGIL_AVX2 void SumsAvx2(const Run& run, const Sums& out) { SumsBody(run, out); }
INVIGIL_AVX512 void SumsAvx512(const Run& run, const Sums& out) { SumsBody(run, out); }
INVIGIL_AVX2 void ExponentialsAvx2(const double* x, double* out, size_t count) {
  ExponentialsBody(x, out, count);
}
INVIGIL_AVX512 void ExponentialsAvx512(const double* x, double* out, size_t count) {
  ExponentialsBody(x, out, count);
}
#endif
void MomentsBaseline(const Run& run, const Moments& out) { MomentsBody(run, out); }
void SumsBaseline(const Run& run, const Sums& out) { SumsBody(run, out); }

}  // namespace

bool IsSupported(InstructionSet set) {
  if (set == InstructionSet::kBaseline) return true;
#if defined(__x86_64__)
  if (set == InstructionSet::kAvx2) return __builtin_cpu_supports("avx2") != 0;
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0;
#else
  return false;
#endif
}

InstructionSet BestInstructionSet() {
  if (IsSupported(InstructionSet::kAvx512)) return InstructionSet::kAvx512;
  if (IsSupported(InstructionSet::kAvx2)) return InstructionSet::kAvx2;
  return InstructionSet::kBaseline;
}

void PosteriorMoments(const Run& run, const Moments& out, InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::kAvx512) return MomentsAvx512(run, out);
  if (set == InstructionSet::kAvx2) return MomentsAvx2(run, out);
#endif
  MomentsBaseline(run, out);
}

void PosteriorSums(const Run& run, const Sums& out, InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::kAvx512) return SumsAvx512(run, out);
  if (set == InstructionSet::kAvx2) return SumsAvx2(run, out);
#endif
  SumsBaseline(run, out);
}

void Exponentials(const double* x, double* out, size_t count, InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::kAvx512) return ExponentialsAvx512(x, out, count);
  if (set == InstructionSet::kAvx2) return ExponentialsAvx2(x, out, count);
#endif
  ExponentialsBody(x, out, count);
}

}  // namespace invigil::scoring::kernels
