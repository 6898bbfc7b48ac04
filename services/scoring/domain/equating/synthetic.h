// Frequency estimation (Kolen & Brennan, ch. 5.1): the distributions of X and Y in a synthetic
// population of both groups, when each group took one form and an anchor. Assumes that the
// distribution of the total given the anchor is the same in both groups. Pure; any thread.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/equating/frequencies.h"

namespace invigil::scoring::equating {

struct SyntheticDistributions {
  std::vector<double> x, y;  // proportions of 0..K, each summing to 1
};

// `weight_x` is the share of population X. Anchor scores that nobody in the group has say nothing
// about the total there: the other group's persons with them are left out and the rest scaled up.
// Errors: FAILED_PRECONDITION ANCHOR_NO_OVERLAP where the groups share no anchor score.
absl::StatusOr<SyntheticDistributions> FrequencyEstimation(const ScoreTable& x, const ScoreTable& y,
                                                           double weight_x);

// The mean of psi(total) in the synthetic population, for one form, with what it gains when a
// person is added to a cell of the group that took the form (`taken`), and to an anchor score of
// the other (`other`): the gradients of the delta method, by proportions.
struct SyntheticMean {
  double value = 0;
  std::vector<double> taken;  // one per cell of the table
  std::vector<double> other;  // one per anchor score
};
// `weight` is the share of the population that took the form; `other_anchor` the other group's
// frequencies of anchor scores; `psi` one value per total.
SyntheticMean MeanOf(std::span<const double> psi, const ScoreTable& table,
                     std::span<const double> other_anchor, double weight);

}  // namespace invigil::scoring::equating
