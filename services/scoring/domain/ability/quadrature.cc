#include "services/scoring/domain/ability/quadrature.h"

#include <algorithm>
#include <cmath>

#include "common/error/error.h"

namespace invigil::scoring {

std::vector<double> NormalLogWeights(const std::vector<double>& nodes, double mean, double sd) {
  std::vector<double> logs;
  logs.reserve(nodes.size());
  for (const double node : nodes) {
    const double z = (node - mean) / sd;
    logs.push_back(-0.5 * z * z);
  }
  const double top = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - top);
  const double shift = top + std::log(sum);
  for (double& log : logs) log -= shift;
  return logs;
}

absl::StatusOr<Quadrature> NormalQuadrature(const QuadratureSpec& spec, double mean, double sd) {
  if (spec.count < 2 || spec.count > 1001 || !std::isfinite(spec.low) ||
      !std::isfinite(spec.high) || !(spec.low < spec.high)) {
    return InvalidArgument("QUADRATURE_INVALID",
                           "a quadrature wants 2 to 1001 nodes between two ends, the lower first");
  }
  if (!std::isfinite(mean) || !std::isfinite(sd) || !(sd > 0)) {
    return InvalidArgument("PRIOR_INVALID",
                           "the ability distribution wants a finite mean and an sd above 0");
  }
  Quadrature quadrature;
  const double step = (spec.high - spec.low) / (spec.count - 1);
  for (int i = 0; i < spec.count; ++i) quadrature.nodes.push_back(spec.low + step * i);
  quadrature.nodes.back() = spec.high;
  quadrature.log_weights = NormalLogWeights(quadrature.nodes, mean, sd);
  return quadrature;
}

}  // namespace invigil::scoring
