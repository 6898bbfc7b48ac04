// The bootstrap of an equating: both groups drawn anew, independently and at their size, the whole
// way from counts to table done again each time.
//
// Replication r has a generator of its own, made from the seed and r; blocks of replications are
// summed up each by itself and then in order. The result is the same for every number of threads,
// and memory does not grow with the replications.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/equating/engine.h"

namespace invigil::scoring::equating {

struct BootstrapResult {
  std::vector<double> mean;            // over the replications, one per raw score of X
  std::vector<double> standard_error;  // their deviation
  int replications = 0;                // that gave a table
  int failed = 0;                      // that did not, left out
};

// request().bootstrap replications. `start` is what the engine made of the observed counts.
// Errors: INVALID_ARGUMENT FREQUENCY_INVALID (counts that are not whole cannot be drawn from);
// FAILED_PRECONDITION BOOTSTRAP_FAILED where more than half of the replications have no table.
absl::StatusOr<BootstrapResult> Bootstrap(const Engine& engine, const ScoreTable& x,
                                          const ScoreTable& y, const Groups& start);

}  // namespace invigil::scoring::equating
