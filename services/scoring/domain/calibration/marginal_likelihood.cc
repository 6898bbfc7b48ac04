#include "services/scoring/domain/calibration/marginal_likelihood.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "services/scoring/domain/ability/kernels.h"

namespace invigil::scoring {
namespace {

double Logistic(double x) { return 1 / (1 + std::exp(-x)); }

// Solves a small positive definite system by Cholesky; a pivot that is none is made one, so that a
// flat direction gets no step.
template <size_t N>
void Solve(std::array<std::array<double, N>, N> m, size_t n, std::array<double, N>& x) {
  for (size_t j = 0; j < n; ++j) {
    double pivot = m[j][j];
    const double floor = 1e-10 * std::abs(pivot) + 1e-300;
    for (size_t k = 0; k < j; ++k) pivot -= m[j][k] * m[j][k];
    if (!(pivot > floor)) pivot = 1e300;
    m[j][j] = std::sqrt(pivot);
    for (size_t i = j + 1; i < n; ++i) {
      for (size_t k = 0; k < j; ++k) m[i][j] -= m[i][k] * m[j][k];
      m[i][j] /= m[j][j];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) x[i] -= m[i][k] * x[k];
    x[i] /= m[i][i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) x[i] -= m[k][i] * x[k];
    x[i] /= m[i][i];
  }
}

}  // namespace

MarginalLikelihood::MarginalLikelihood(const PackedPatterns& patterns, std::vector<double> nodes,
                                       ParameterLayout layout, std::vector<ItemCurve> curves,
                                       std::optional<NormalPrior> prior_logit_g, int threads)
    : layout_(std::move(layout)),
      curves_(std::move(curves)),
      prior_logit_g_(prior_logit_g),
      tables_(patterns.items, std::move(nodes)),
      step_(patterns, tables_.stride(), threads) {}

std::vector<ItemCurve> MarginalLikelihood::Curves(const std::vector<double>& parameters) const {
  std::vector<ItemCurve> curves = curves_;
  for (size_t i = 0; i < curves.size(); ++i) {
    const ParameterLayout::Item& at = layout_.items[i];
    if (at.slope >= 0) curves[i].slope = parameters[static_cast<size_t>(at.slope)];
    if (at.intercept >= 0) curves[i].intercept = parameters[static_cast<size_t>(at.intercept)];
    if (at.asymptote >= 0) {
      curves[i].asymptote = Logistic(parameters[static_cast<size_t>(at.asymptote)]);
    }
    if (at.intercept >= 0 && layout_.common_slope >= 0) {
      curves[i].slope = parameters[static_cast<size_t>(layout_.common_slope)];
    }
  }
  return curves;
}

double MarginalLikelihood::Mean(const std::vector<double>& parameters) const {
  return layout_.mean < 0 ? 0 : parameters[static_cast<size_t>(layout_.mean)];
}

double MarginalLikelihood::StandardDeviation(const std::vector<double>& parameters) const {
  return layout_.log_sd < 0 ? 1 : std::exp(parameters[static_cast<size_t>(layout_.log_sd)]);
}

// With x the logit, L its logistic, g the asymptote, R of N right: the derivative by x is
// (R - N P) L / P, by logit g it is (R - N P) g / P.
void MarginalLikelihood::ItemTerms(size_t item, const ItemCurve& curve, Evaluation& out) const {
  const ParameterLayout::Item& at = layout_.items[item];
  std::array<double, 6>& information = out.item_information[item];
  information = {};
  if (at.intercept < 0) return;
  const double* right = &expected_.right[item * tables_.stride()];
  const double* presented = &expected_.presented[item * tables_.stride()];
  const double* probability = tables_.probability(item);
  const double* logistic = tables_.logistic(item);
  const double g = curve.asymptote;
  double by_slope = 0, by_intercept = 0, by_asymptote = 0;
  for (size_t q = 0; q < tables_.nodes().size(); ++q) {
    const double theta = tables_.nodes()[q], p = probability[q], l = logistic[q];
    const double miss = right[q] - presented[q] * p;
    const double share = g == 0 ? 1 : l / p;
    by_intercept += miss * share;
    by_slope += miss * share * theta;
    const double change = (1 - g) * l * (1 - l);
    const double xx = presented[q] * share * change;
    information[0] += xx * theta * theta;
    information[1] += xx * theta;
    information[2] += xx;
    if (at.asymptote < 0) continue;
    const double g_change = g * (1 - g) * (1 - l);
    by_asymptote += miss * g / p;
    information[3] += presented[q] * share * g_change * theta;
    information[4] += presented[q] * share * g_change;
    information[5] += presented[q] * g / p * g_change;
  }
  out.gradient[static_cast<size_t>(at.intercept)] = by_intercept;
  if (at.slope >= 0) out.gradient[static_cast<size_t>(at.slope)] = by_slope;
  if (layout_.common_slope >= 0) {
    out.gradient[static_cast<size_t>(layout_.common_slope)] += by_slope;
  }
  if (at.asymptote < 0) return;
  if (prior_logit_g_) {
    const double z = (std::log(g / (1 - g)) - prior_logit_g_->mean) / prior_logit_g_->sd;
    out.log_prior -=
        0.5 * z * z + std::log(prior_logit_g_->sd) + 0.5 * std::log(2 * std::numbers::pi);
    by_asymptote -= z / prior_logit_g_->sd;
    information[5] += 1 / (prior_logit_g_->sd * prior_logit_g_->sd);
  }
  out.gradient[static_cast<size_t>(at.asymptote)] = by_asymptote;
}

// The weights are normal densities divided by their sum: of log density the derivatives are z / sd
// by the mean and z^2 by log sd, less their averages.
void MarginalLikelihood::GroupTerms(const std::vector<double>& parameters,
                                    const std::vector<double>& log_weights, Evaluation& out) const {
  out.group_information = {};
  if (layout_.mean < 0 && layout_.log_sd < 0) return;
  const double mean = Mean(parameters), sd = StandardDeviation(parameters);
  double persons = 0, m1 = 0, m2 = 0, m11 = 0, m12 = 0, m22 = 0, seen1 = 0, seen2 = 0;
  for (size_t q = 0; q < tables_.nodes().size(); ++q) {
    const double z = (tables_.nodes()[q] - mean) / sd;
    const double t1 = z / sd, t2 = z * z, w = std::exp(log_weights[q]);
    persons += expected_.total[q];
    seen1 += expected_.total[q] * t1;
    seen2 += expected_.total[q] * t2;
    m1 += w * t1;
    m2 += w * t2;
    m11 += w * t1 * t1;
    m12 += w * t1 * t2;
    m22 += w * t2 * t2;
  }
  if (layout_.mean >= 0) {
    out.gradient[static_cast<size_t>(layout_.mean)] = seen1 - persons * m1;
    out.group_information[0] = persons * (m11 - m1 * m1);
  }
  if (layout_.log_sd >= 0) {
    out.gradient[static_cast<size_t>(layout_.log_sd)] = seen2 - persons * m2;
    out.group_information[2] = persons * (m22 - m2 * m2);
  }
  if (layout_.mean >= 0 && layout_.log_sd >= 0) {
    out.group_information[1] = persons * (m12 - m1 * m2);
  }
}

void MarginalLikelihood::Evaluate(const std::vector<double>& parameters, Evaluation& out) {
  const std::vector<ItemCurve> curves = Curves(parameters);
  tables_.Build(curves);
  const std::vector<double> log_weights =
      NormalLogWeights(tables_.nodes(), Mean(parameters), StandardDeviation(parameters));
  step_.Run(tables_, Padded(log_weights, tables_.stride(), kernels::kNoWeight), expected_);
  out.gradient.assign(layout_.count, 0.0);
  out.item_information.resize(curves.size());
  out.log_prior = 0;
  for (size_t i = 0; i < curves.size(); ++i) ItemTerms(i, curves[i], out);
  GroupTerms(parameters, log_weights, out);
  out.log_likelihood = expected_.log_likelihood;
  out.objective = out.log_likelihood + out.log_prior;
}

std::vector<double> MarginalLikelihood::Precondition(const Evaluation& at,
                                                     const std::vector<double>& gradient) const {
  std::vector<double> step(gradient.size(), 0.0);
  double slope_information = 0, slope_gradient = 0;  // of the common slope, items eliminated
  if (layout_.common_slope >= 0) {
    slope_gradient = gradient[static_cast<size_t>(layout_.common_slope)];
    for (size_t i = 0; i < layout_.items.size(); ++i) {
      if (layout_.items[i].intercept < 0) continue;
      const std::array<double, 6>& m = at.item_information[i];
      slope_information += m[0] - m[1] * m[1] / m[2];
      slope_gradient -= m[1] / m[2] * gradient[static_cast<size_t>(layout_.items[i].intercept)];
    }
  }
  const double common_step = slope_information > 0 ? slope_gradient / slope_information : 0;
  if (layout_.common_slope >= 0) step[static_cast<size_t>(layout_.common_slope)] = common_step;
  for (size_t i = 0; i < layout_.items.size(); ++i) {
    const ParameterLayout::Item& where = layout_.items[i];
    if (where.intercept < 0) continue;
    const std::array<double, 6>& m = at.item_information[i];
    const double by_intercept = gradient[static_cast<size_t>(where.intercept)];
    if (where.slope < 0) {
      const double coupling = layout_.common_slope >= 0 ? m[1] * common_step : 0;
      step[static_cast<size_t>(where.intercept)] = m[2] > 0 ? (by_intercept - coupling) / m[2] : 0;
      continue;
    }
    // The intercept first: its pivot is the safest.
    std::array<std::array<double, 3>, 3> matrix{};
    matrix[0][0] = m[2];
    matrix[1][0] = m[1];
    matrix[1][1] = m[0];
    matrix[2] = {m[4], m[3], m[5]};
    std::array<double, 3> x = {by_intercept, gradient[static_cast<size_t>(where.slope)], 0};
    const bool three = where.asymptote >= 0;
    if (three) x[2] = gradient[static_cast<size_t>(where.asymptote)];
    Solve(matrix, three ? 3 : 2, x);
    step[static_cast<size_t>(where.intercept)] = x[0];
    step[static_cast<size_t>(where.slope)] = x[1];
    if (three) step[static_cast<size_t>(where.asymptote)] = x[2];
  }
  const std::array<double, 3>& g = at.group_information;
  if (layout_.mean >= 0 && layout_.log_sd >= 0) {
    std::array<std::array<double, 2>, 2> matrix{};
    matrix[0][0] = g[0];
    matrix[1] = {g[1], g[2]};
    std::array<double, 2> x = {gradient[static_cast<size_t>(layout_.mean)],
                               gradient[static_cast<size_t>(layout_.log_sd)]};
    Solve(matrix, 2, x);
    step[static_cast<size_t>(layout_.mean)] = x[0];
    step[static_cast<size_t>(layout_.log_sd)] = x[1];
  } else if (layout_.log_sd >= 0 && g[2] > 0) {
    const auto where = static_cast<size_t>(layout_.log_sd);
    step[where] = gradient[where] / g[2];
  }
  return step;
}

std::vector<double> MarginalLikelihood::Diagonal(const Evaluation& at) const {
  std::vector<double> diagonal(layout_.count, 0.0);
  const auto put = [&](int where, double value) {
    if (where >= 0) diagonal[static_cast<size_t>(where)] += value;
  };
  for (size_t i = 0; i < layout_.items.size(); ++i) {
    const std::array<double, 6>& m = at.item_information[i];
    put(layout_.items[i].slope, m[0]);
    put(layout_.items[i].intercept, m[2]);
    put(layout_.items[i].asymptote, m[5]);
    put(layout_.common_slope, m[0]);
  }
  put(layout_.mean, at.group_information[0]);
  put(layout_.log_sd, at.group_information[2]);
  return diagonal;
}

}  // namespace invigil::scoring
