// Number-correct scores of one form as number-correct scores of another, when both forms' item
// parameters are on one scale (Kolen & Brennan ch. 6.5-6.6). Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/irt.h"
#include "services/scoring/domain/linking/link.h"

namespace invigil::scoring::linking {

struct IrtEquivalent {
  int raw = 0;
  // True score: the ability at which `raw` is expected; unset at the ends. Observed score: unset.
  std::optional<double> theta;
  double equated = 0;
};

// The number correct expected on `to` at the ability where `raw` is expected on `from`. At or below
// what guessing gives on `from`: the line from (0, 0) to the two sums of lower asymptotes (Kolen
// 1981). The highest score gives the highest score.
// Errors: INVALID_ARGUMENT ITEMS_EMPTY, ITEM_PARAMETERS_INVALID.
absl::StatusOr<std::vector<IrtEquivalent>> TrueScoreEquating(std::span<const ItemParameters> from,
                                                             std::span<const ItemParameters> to);

// The abilities of the two groups, on the common scale, and the share of the first in the synthetic
// population.
struct Populations {
  AbilityNodes from, to;
  double weight_from = 0.5;
};

// The distribution of the number correct on each form in the synthetic population (Lord & Wingersky
// 1984), then equipercentile equating of the two.
// Errors: those above; NODES_INVALID; WEIGHT_INVALID.
absl::StatusOr<std::vector<IrtEquivalent>> ObservedScoreEquating(
    std::span<const ItemParameters> from, std::span<const ItemParameters> to,
    const Populations& populations);

}  // namespace invigil::scoring::linking
