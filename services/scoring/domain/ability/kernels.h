// The inner loops of scoring and calibration: for many answer patterns, the posterior over nodes.
//
// Items stand in groups of five. A group's table has a row of nodes for each of its 32 patterns of
// right answers, so that a person's log-likelihood is the sum of one row per group instead of one
// per item. Rows are `stride` nodes wide, a multiple of kNodeStep; what lies behind the last node
// has a base of kNoWeight.
//
// The loops exist for several instruction sets, chosen when the program starts. All do the same
// operations on the same numbers in the same order (no fused multiply-add), so they give the same
// bits. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace invigil::scoring::kernels {

constexpr size_t kItemsPerGroup = 5;
constexpr size_t kPatternsPerGroup = 32;
constexpr size_t kNodeStep = 32;
constexpr double kNoWeight = -1e300;

enum class InstructionSet { kBaseline, kAvx2, kAvx512 };
// What this machine can do at most.
InstructionSet BestInstructionSet();
bool IsSupported(InstructionSet set);

// Patterns that share what was presented.
struct Run {
  const double* base;  // [stride] log weight + log-likelihood of all presented answers being wrong
  const double* tables;  // [groups][32][stride] what right answers add to it
  size_t groups;
  size_t stride;
  const uint8_t* bits;  // [count][groups] right answers
  size_t count;
  double* scratch;  // [stride]
};

// The posterior mean and standard deviation of each pattern.
struct Moments {
  const double* nodes;  // [stride]
  double* mean;         // [count]
  double* deviation;    // [count]
};
void PosteriorMoments(const Run& run, const Moments& out, InstructionSet set);

// The posteriors of all patterns times their frequency, added up.
struct Sums {
  const double* frequency;  // [count]
  double* log_top;          // [count] log of the marginal likelihood is log_top + log(sum)
  double* sum;              // [count]
  double* total;            // [stride] all patterns
  double* buckets;          // [groups][32][stride] by the group's pattern
};
void PosteriorSums(const Run& run, const Sums& out, InstructionSet set);

// exp(x) of `count` numbers at or below 0, a multiple of 8, within 2 units in the last place; below
// -700 as at -700. For tests.
void Exponentials(const double* x, double* out, size_t count, InstructionSet set);

}  // namespace invigil::scoring::kernels
