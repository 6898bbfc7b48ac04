// Nodes and weights that stand for a normal ability distribution. Pure; any thread.
#pragma once

#include <vector>

#include "absl/status/statusor.h"

namespace invigil::scoring {

// Equally spaced nodes, both ends included.
struct QuadratureSpec {
  int count = 61;
  double low = -6, high = 6;
};

struct Quadrature {
  std::vector<double> nodes;
  std::vector<double> log_weights;  // their exponentials sum to 1
};

// The normal density at the nodes, divided by its sum (the rule of Bock & Aitkin 1981, and of
// mirt). Errors: QUADRATURE_INVALID (fewer than 2 or more than 1001 nodes, ends not finite or not
// in order), PRIOR_INVALID (mean not finite, sd not above 0).
absl::StatusOr<Quadrature> NormalQuadrature(const QuadratureSpec& spec, double mean = 0,
                                            double sd = 1);

// The same weights for given nodes.
std::vector<double> NormalLogWeights(const std::vector<double>& nodes, double mean, double sd);

}  // namespace invigil::scoring
