// Puts item parameters of one calibration on the scale of another through the items both have:
// theta_to = A theta_from + B, so that a_to = a_from / A, b_to = A b_from + B, g unchanged.
// Logistic metric D = 1. Pure; any thread.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/irt.h"

namespace invigil::scoring::linking {

enum class LinkMethod {
  kMeanMean,           // Loyd & Hoover (1980): A is the ratio of the mean slopes
  kMeanGeometricMean,  // Mislevy & Bock (1990): of their geometric means
  kMeanSigma,          // Marco (1977): of the deviations of the difficulties
  kHaebara,            // Haebara (1980): item characteristic curves
  kStockingLord,       // Stocking & Lord (1983): the test characteristic curve
};
inline constexpr std::array kLinkMethods = {LinkMethod::kMeanMean, LinkMethod::kMeanGeometricMean,
                                            LinkMethod::kMeanSigma, LinkMethod::kHaebara,
                                            LinkMethod::kStockingLord};
// The names of the command line, such as "stocking-lord".
std::string_view NameOf(LinkMethod method);

struct ScaleTransformation {
  double a = 1, b = 0;
};

ItemParameters Transform(const ItemParameters& item, const ScaleTransformation& link);
std::vector<ItemParameters> Transform(std::span<const ItemParameters> items,
                                      const ScaleTransformation& link);

// Abilities with weights that need not sum to 1, on the scale linked to.
struct AbilityNodes {
  std::vector<double> points, weights;
};
// Gauss-Hermite nodes of the standard normal distribution; count 1 to 200.
AbilityNodes GaussHermite(int count);
// `count` (2 or more) equally spaced nodes from low to high, all with the same weight.
AbilityNodes Uniform(int count, double low, double high);
// The same with the weights of the standard normal density, summing to 1.
AbilityNodes NormalGrid(int count, double low, double high);

// An item of both calibrations.
struct CommonItem {
  ItemParameters from, to;
};

// How much the linked curves still differ: the criterion over the sum of the weights; 0 for the
// methods without one.
struct LinkResult {
  ScaleTransformation link;
  double criterion = 0;
  int iterations = 0;
};

// `nodes` are of use to the characteristic-curve methods, which compare the curves on the scale
// linked to (Kolen & Brennan eq. 6.11-6.13, one direction). Where every slope of both calibrations
// is the same number (Rasch), A is 1 and only B is estimated: another A would leave the model.
// Errors: INVALID_ARGUMENT ITEM_PARAMETERS_INVALID, NODES_INVALID (none, or weights that are
// negative, not finite or all 0); FAILED_PRECONDITION ANCHOR_TOO_FEW (fewer than two common items,
// one for Rasch), ANCHOR_WITHOUT_SPREAD (mean-sigma: all difficulties alike),
// LINK_NOT_CONVERGED.
absl::StatusOr<LinkResult> Link(LinkMethod method, std::span<const CommonItem> items,
                                const AbilityNodes& nodes);

}  // namespace invigil::scoring::linking
