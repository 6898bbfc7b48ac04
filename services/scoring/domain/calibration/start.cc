#include "services/scoring/domain/calibration/start.h"

#include <algorithm>
#include <cmath>

#include "services/scoring/domain/numerics/distributions.h"

namespace invigil::scoring {
namespace {

// Correlation of each item with the share of right answers of those who saw it.
std::vector<double> ItemRestCorrelations(const ResponseView& responses) {
  const size_t items = responses.items;
  struct Sums {
    double n = 0, u = 0, s = 0, ss = 0, us = 0;
  };
  std::vector<Sums> sums(items);
  for (size_t p = 0; p < responses.persons; ++p) {
    const int8_t* row = &responses.cells[p * items];
    double right = 0, presented = 0;
    for (size_t i = 0; i < items; ++i) {
      right += row[i] == 1 ? 1 : 0;
      presented += row[i] >= 0 ? 1 : 0;
    }
    if (presented < 2) continue;
    const double share = right / presented, unit = 1 / presented;
    for (size_t i = 0; i < items; ++i) {
      if (row[i] < 0) continue;
      // Without the item itself, up to the same factor for all.
      const double rest = share - unit * row[i];
      Sums& sum = sums[i];
      sum.n += 1;
      sum.u += row[i];
      sum.s += rest;
      sum.ss += rest * rest;
      sum.us += row[i] * rest;
    }
  }
  std::vector<double> correlations;
  for (const Sums& sum : sums) {
    const double uu = sum.u - sum.u * sum.u / sum.n, ss = sum.ss - sum.s * sum.s / sum.n;
    const double us = sum.us - sum.u * sum.s / sum.n;
    correlations.push_back(uu > 0 && ss > 0 ? us / std::sqrt(uu * ss) : 0);
  }
  return correlations;
}

}  // namespace

std::vector<ItemCurve> StartingCurves(const ResponseView& responses, const ItemCounts& counts,
                                      const CalibrationOptions& options) {
  constexpr double kFirstAsymptote = 0.15;
  const bool slopes =
      options.model == ItemModel::kTwoParameter || options.model == ItemModel::kThreeParameter;
  const std::vector<double> correlations =
      slopes ? ItemRestCorrelations(responses) : std::vector<double>(responses.items, 0.5);
  std::vector<ItemCurve> curves;
  for (size_t i = 0; i < responses.items; ++i) {
    if (!options.fixed.empty() && options.fixed[i]) {
      curves.push_back(ToCurve(*options.fixed[i]));
      continue;
    }
    ItemCurve curve;
    const double n = static_cast<double>(counts.presented[i]);
    double p = (static_cast<double>(counts.right[i]) + 0.5) / (n + 1);
    if (options.model == ItemModel::kThreeParameter) {
      curve.asymptote = options.prior_logit_g ? 1 / (1 + std::exp(-options.prior_logit_g->mean))
                                              : kFirstAsymptote;
      p = std::clamp((p - curve.asymptote) / (1 - curve.asymptote), 0.02, 0.98);
    }
    const double z = NormalQuantile(p);
    const double density = NormalDensity(z);
    double r = correlations[i] * std::sqrt(p * (1 - p)) / density;
    r = std::clamp(r, 0.17, 0.83);
    curve.slope = slopes ? std::clamp(1.7 * r / std::sqrt(1 - r * r), 0.3, 2.5) : 1;
    const double ratio = curve.slope / 1.7;
    curve.intercept = 1.7 * z * std::sqrt(1 + ratio * ratio);
    curves.push_back(curve);
  }
  return curves;
}

}  // namespace invigil::scoring
