#include "services/scoring/domain/ability/point_estimate.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace invigil::scoring {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFarthest = 1e6;  // beyond, a flat item would be needed to tell anything
constexpr double kGridEnd = 10;
constexpr int kGridCount = 161;

std::vector<double> GridNodes(bool guessing) {
  std::vector<double> nodes;
  const int count = guessing ? kGridCount : 2;
  for (int i = 0; i < count; ++i) nodes.push_back(-kGridEnd + 2 * kGridEnd * i / (count - 1));
  return nodes;
}

bool HasGuessing(std::span<const ItemParameters> items) {
  return std::any_of(items.begin(), items.end(),
                     [](const ItemParameters& item) { return item.lower_asymptote > 0; });
}

}  // namespace

PointEstimator::PointEstimator(std::span<const ItemParameters> items, const AbilityOptions& options)
    : items_(items.begin(), items.end()),
      options_(options),
      guessing_(HasGuessing(items)),
      grid_(items.size(), GridNodes(guessing_)) {
  std::vector<ItemCurve> curves;
  for (const ItemParameters& item : items_) curves.push_back(ToCurve(item));
  grid_.Build(curves);
}

PointEstimator::Values PointEstimator::At(std::span<const int8_t> responses, double theta) const {
  Values values;
  for (size_t i = 0; i < items_.size(); ++i) {
    if (responses[i] < 0) continue;
    const ItemParameters& item = items_[i];
    const double a = item.slope, g = item.lower_asymptote;
    const double x = a * (theta - item.difficulty);
    const double tail = std::exp(-std::abs(x));
    const double l = x >= 0 ? 1 / (1 + tail) : tail / (1 + tail);
    const double not_l = x >= 0 ? tail / (1 + tail) : 1 / (1 + tail);
    const double p = g + (1 - g) * l;
    const double share = g == 0 ? 1 : l / p;  // 1 also where both have run out of digits
    const double weight = a * share;          // P' / (P Q)
    const double slope = a * (1 - g) * l * not_l;
    const double bend = a * slope * (not_l - l);
    if (responses[i] == 1) {
      values.log_likelihood += g == 0 ? -((x < 0 ? -x : 0) + std::log1p(tail)) : std::log(p);
      values.score += weight * (1 - g) * not_l;
      // minus the derivative of a L Q / P
      values.observed += a * a * share * not_l * (1 - g) * (share - not_l);
    } else {
      values.log_likelihood += std::log1p(-g) - ((x > 0 ? x : 0) + std::log1p(tail));
      values.score -= a * l;
      values.observed += a * a * l * not_l;
    }
    values.expected += weight * slope;
    values.third += weight * bend;
  }
  return values;
}

double PointEstimator::Equation(const Values& values, double theta) const {
  switch (options_.method) {
    case AbilityMethod::kMap:
      return values.score - (theta - options_.prior_mean) / (options_.prior_sd * options_.prior_sd);
    case AbilityMethod::kWle:
      return values.score + (values.expected > 0 ? values.third / (2 * values.expected) : 0);
    default:
      return values.score;
  }
}

double PointEstimator::StandardError(const Values& values) const {
  double information = values.expected;
  if (options_.information == InformationKind::kObserved &&
      options_.method != AbilityMethod::kWle) {
    information = values.observed;
  }
  if (options_.method == AbilityMethod::kMap) {
    information += 1 / (options_.prior_sd * options_.prior_sd);
  }
  return information > 0 ? 1 / std::sqrt(information) : kInfinity;
}

double PointEstimator::StartingPoint(std::span<const int8_t> responses) const {
  if (!guessing_) return options_.method == AbilityMethod::kMap ? options_.prior_mean : 0;
  // With guessing there may be several maxima: begin at the highest of a fine grid.
  const size_t count = grid_.nodes().size();
  std::vector<double> height(count, 0.0), information(count, 0.0);
  for (size_t i = 0; i < items_.size(); ++i) {
    if (responses[i] < 0) continue;
    const double* wrong = grid_.log_wrong(i);
    const double* odds = grid_.log_odds(i);
    for (size_t q = 0; q < count; ++q) height[q] += wrong[q] + (responses[i] == 1 ? odds[q] : 0);
    if (options_.method != AbilityMethod::kWle) continue;
    const double g = items_[i].lower_asymptote, a = items_[i].slope;
    for (size_t q = 0; q < count; ++q) {
      const double l = grid_.logistic(i)[q], p = grid_.probability(i)[q];
      information[q] += a * a * (1 - g) * l * (1 - l) * (g == 0 ? 1 : l / p);
    }
  }
  size_t best = 0;
  for (size_t q = 0; q < count; ++q) {
    if (options_.method == AbilityMethod::kWle) height[q] += 0.5 * std::log(information[q]);
    if (options_.method == AbilityMethod::kMap) {
      const double z = (grid_.nodes()[q] - options_.prior_mean) / options_.prior_sd;
      height[q] -= 0.5 * z * z;
    }
    if (height[q] > height[best] || std::isnan(height[best])) best = q;
  }
  return grid_.nodes()[best];
}

// The falling root nearest to `start`: a bracket that grows until the signs are right, then Newton
// inside it, halving where a step would leave it.
double PointEstimator::Solve(std::span<const int8_t> responses, double start) const {
  const auto value = [&](double theta) { return Equation(At(responses, theta), theta); };
  double low = start, high = start;
  double width = guessing_ ? 2 * kGridEnd / (kGridCount - 1) : 1;
  if (value(start) > 0) {
    do {
      low = high;
      high += width;
      width *= guessing_ ? 1.2 : 2;
      if (high > kFarthest) return kInfinity;
    } while (value(high) > 0);
  } else {
    do {
      high = low;
      low -= width;
      width *= guessing_ ? 1.2 : 2;
      if (low < -kFarthest) return -kInfinity;
    } while (value(low) < 0);
  }
  double theta = 0.5 * (low + high);
  for (int i = 0; i < 200; ++i) {
    const Values values = At(responses, theta);
    const double miss = Equation(values, theta);
    (miss > 0 ? low : high) = theta;
    double information = values.observed > 0 ? values.observed : values.expected;
    if (options_.method == AbilityMethod::kMap) {
      information += 1 / (options_.prior_sd * options_.prior_sd);
    }
    double next = information > 0 ? theta + miss / information : low;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (std::abs(next - theta) <= 1e-12 * (1 + std::abs(theta))) return next;
    theta = next;
  }
  return theta;
}

Ability PointEstimator::Estimate(std::span<const int8_t> responses) const {
  const bool likelihood_only = options_.method == AbilityMethod::kMl;
  size_t presented = 0, right = 0;
  double floor = 0;  // log-likelihood at -infinity
  for (size_t i = 0; i < items_.size(); ++i) {
    if (responses[i] < 0) continue;
    ++presented;
    right += responses[i] == 1 ? 1 : 0;
    const double g = items_[i].lower_asymptote;
    floor += responses[i] == 1 ? std::log(g) : std::log1p(-g);
  }
  if (presented == 0 && options_.method != AbilityMethod::kMap) {
    return {0, kInfinity, AbilityLimit::kNothingPresented};
  }
  if (presented == 0) return {options_.prior_mean, options_.prior_sd, AbilityLimit::kNone};
  if (likelihood_only && right == presented) return {kInfinity, kInfinity, AbilityLimit::kAllRight};
  if (likelihood_only && right == 0) return {-kInfinity, kInfinity, AbilityLimit::kAllWrong};
  const double theta = Solve(responses, StartingPoint(responses));
  const Values values = At(responses, std::isfinite(theta) ? theta : 0);
  if (likelihood_only && (!std::isfinite(theta) || values.log_likelihood <= floor)) {
    return {-kInfinity, kInfinity, AbilityLimit::kBelowGuessing};
  }
  return {theta, StandardError(values), AbilityLimit::kNone};
}

}  // namespace invigil::scoring
