// How far pass and fail can be trusted from one administration: accuracy (the decision is that of
// the true score), consistency (a second, parallel form would decide alike), and what chance
// explains.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/irt.h"

namespace invigil::scoring {

// With several cuts there are several categories; at a cut is above it.
struct Classification {
  double accuracy = 0;
  double consistency = 0;
  double chance_consistency = 0;  // sum of squared shares of the categories
  std::optional<double> kappa;    // (consistency - chance) / (1 - chance); unset when chance is 1
  double false_positive = 0;      // observed in a higher category than the true one
  double false_negative = 0;      // observed in a lower one
  std::vector<double> observed;   // share of each category, lowest first
  std::vector<double> true_share;
};

// Abilities and what share of the population stands at each; weights need not sum to 1.
struct AbilityNodes {
  std::vector<double> theta, weight;
};

// `count` equally spaced nodes with the weights of N(mean, sd), as mirt and cacIRT have them.
AbilityNodes NormalNodes(int count, double low, double high, double mean = 0, double sd = 1);

// Lee (2010): number-correct scores at each ability by Lord-Wingersky, the true score from the test
// characteristic curve. `cuts` are number-correct scores that pass, rising.
// Errors, INVALID_ARGUMENT: ITEMS_EMPTY, ITEM_PARAMETERS_INVALID, ABILITY_INVALID (none, not
// finite, a weight below 0 or all 0), CUT_INVALID (none, not rising or NaN), CUT_OUTSIDE_SCALE (not
// above 0 or above the number of items).
absl::StatusOr<Classification> LeeClassification(std::span<const ItemParameters> items,
                                                 std::span<const double> cuts,
                                                 const AbilityNodes& nodes);

// Rudner (2001, 2005): the estimate is normal around each ability with the standard error given
// there. `cuts` are abilities, rising. Errors: ABILITY_INVALID (also: a standard error not above 0,
// another number of them), CUT_INVALID.
absl::StatusOr<Classification> RudnerClassification(std::span<const double> cuts,
                                                    const AbilityNodes& nodes,
                                                    std::span<const double> standard_errors);

// 1 / sqrt(test information) at each node. Errors: ITEMS_EMPTY, ITEM_PARAMETERS_INVALID,
// ABILITY_INVALID, INFORMATION_ZERO (FAILED_PRECONDITION: nodes so far out that items say nothing).
absl::StatusOr<std::vector<double>> InformationErrors(std::span<const ItemParameters> items,
                                                      const AbilityNodes& nodes);

}  // namespace invigil::scoring
