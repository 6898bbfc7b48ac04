#include "services/scoring/domain/signals/ability_grid.h"

#include <algorithm>
#include <cmath>

#include "services/scoring/domain/numerics/distributions.h"

namespace invigil::scoring {
namespace {

size_t At(int place) { return static_cast<size_t>(place); }

}  // namespace

std::vector<double> Blur(std::span<const double> values, double sd) {
  if (!(sd > 0)) return {values.begin(), values.end()};
  const int reach = std::max(1, static_cast<int>(std::ceil(5 * sd / kAbilityStep)));
  std::vector<double> kernel(2 * static_cast<size_t>(reach) + 1);
  double total = 0;
  for (int k = -reach; k <= reach; ++k) {
    // The share of the normal that falls to this node, so that a small sd leaves values in place.
    const double w = NormalCumulative((k + 0.5) * kAbilityStep / sd) -
                     NormalCumulative((k - 0.5) * kAbilityStep / sd);
    kernel[At(k + reach)] = w;
    total += w;
  }
  const int last = static_cast<int>(values.size()) - 1;
  std::vector<double> blurred(values.size(), 0);
  for (int j = 0; j <= last; ++j) {
    double sum = 0;
    for (int k = -reach; k <= reach; ++k) {
      sum += kernel[At(k + reach)] * values[At(std::clamp(j + k, 0, last))];
    }
    blurred[At(j)] = sum / total;
  }
  return blurred;
}

double AtAbility(std::span<const double> values, double theta) {
  const double place = (theta - kAbilityLow) / kAbilityStep;
  if (!(place > 0)) return values.front();
  const auto last = static_cast<double>(values.size() - 1);
  if (place >= last) return values.back();
  const auto j = static_cast<size_t>(place);
  return values[j] + (place - static_cast<double>(j)) * (values[j + 1] - values[j]);
}

std::vector<double> NormalWeights(double mean, double sd) {
  std::vector<double> weights(kAbilityNodes);
  for (size_t j = 0; j < weights.size(); ++j) {
    weights[j] = NormalDensity((AbilityNode(j) - mean) / sd);
  }
  Normalize(weights);
  return weights;
}

bool Normalize(std::vector<double>& weights) {
  double total = 0;
  for (double w : weights) total += w;
  if (!(total > 0) || !std::isfinite(total)) return false;
  for (double& w : weights) w /= total;
  return true;
}

double QuantileOf(std::span<const double> weights, double p) {
  double below = 0;
  for (size_t j = 0; j < weights.size(); ++j) {
    if (below + weights[j] >= p) {
      // Each weight is spread evenly over its node's cell.
      const double inside = weights[j] > 0 ? (p - below) / weights[j] : 0.5;
      return AbilityNode(j) + (inside - 0.5) * kAbilityStep;
    }
    below += weights[j];
  }
  return AbilityNode(weights.size() - 1);
}

double ShareFrom(std::span<const double> weights, double theta) {
  double share = 0;
  for (size_t j = 0; j < weights.size(); ++j) {
    const double upper = AbilityNode(j) + 0.5 * kAbilityStep;
    share += weights[j] * std::clamp((upper - theta) / kAbilityStep, 0.0, 1.0);
  }
  return share;
}

}  // namespace invigil::scoring
