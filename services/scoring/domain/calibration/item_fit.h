// How well calibrated items fit the answers. Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/ability/item_tables.h"
#include "services/scoring/domain/ability/quadrature.h"
#include "services/scoring/domain/irt.h"

namespace invigil::scoring {

// Mean squares of residuals: near 1 when the item fits, above when answers are noisier than the
// model, below when they are more regular (Wright & Masters 1982). z by Wilson and Hilferty.
struct MeanSquares {
  double outfit = 1, infit = 1;      // plain, and weighted by information
  double z_outfit = 0, z_infit = 0;  // 0 where the variance is 0
};

struct ItemFit {
  // At each person's EAP, as mirt does it. Abilities shrink towards the mean, so that in short
  // tests all items look too regular.
  MeanSquares at_eap;
  // Averaged over the posterior instead, as TAM does it: centred at 1 also in short tests. No z.
  double posterior_outfit = 1, posterior_infit = 1;
  // Orlando & Thissen (2000): right answers at each number correct against what the model expects,
  // of persons who were presented every item. Cells expected below 1 are merged.
  double s_x2 = 0;
  int degrees_of_freedom = 0;
  double p_value = 1;
  double rmsea = 0;
  // Empty; or why there is no S-X2: INCOMPLETE_RESPONSES (nobody saw all items), TOO_FEW_SCORES (no
  // degree of freedom is left).
  std::string_view s_x2_problem;
};

struct ItemFitOptions {
  QuadratureSpec quadrature;
  double mean = 0, sd = 1;  // of ability
  // Estimated ones, taken from the degrees of freedom of S-X2. mirt also takes 2 for the Rasch
  // model, whose sd of ability it counts.
  int parameters_per_item = 2;
  // Per item, whether its parameters were given: none is taken off for it. Empty: for none.
  std::vector<bool> fixed;
  int threads = 0;
};

// One per item. Errors: those of EstimateAbilities (ability.h).
absl::StatusOr<std::vector<ItemFit>> AssessItemFit(std::span<const ItemParameters> items,
                                                   const ResponseView& responses,
                                                   const ItemFitOptions& options);

}  // namespace invigil::scoring
