#include "services/scoring/domain/equating/loglinear.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "services/scoring/domain/equating/cholesky.h"
#include "services/scoring/domain/numerics/distributions.h"

namespace invigil::scoring::equating {
namespace {

// Stop when the squared Newton decrement per person is below this and one more step is taken: the
// error left is its square.
constexpr double kDecrement = 1e-16;
constexpr double kRounding = 1e-11;
constexpr int kMaxIterations = 200;

// Polynomials of degree 0..degree over 0..max_score, orthonormal under equal weights:
// [score][power].
std::vector<std::vector<double>> Polynomials(int max_score, int degree) {
  const size_t n = static_cast<size_t>(max_score) + 1;
  std::vector<std::vector<double>> columns;
  std::vector<double> next(n, 1.0);
  for (int power = 0; power <= degree; ++power) {
    if (power > 0) {
      for (size_t s = 0; s < n; ++s) {
        next[s] = columns.back()[s] * (2.0 * static_cast<double>(s) / max_score - 1);
      }
    }
    for (int twice = 0; twice < 2; ++twice) {  // once more removes what rounding left
      for (const std::vector<double>& column : columns) {
        double dot = 0;
        for (size_t s = 0; s < n; ++s) dot += column[s] * next[s];
        for (size_t s = 0; s < n; ++s) next[s] -= dot * column[s];
      }
    }
    double norm = 0;
    for (double value : next) norm += value * value;
    for (double& value : next) value /= std::sqrt(norm);
    columns.push_back(next);
  }
  return columns;
}

size_t ScoresThatOccur(std::span<const double> margin) {
  return static_cast<size_t>(
      std::count_if(margin.begin(), margin.end(), [](double f) { return f > 0; }));
}

}  // namespace

LoglinearModel::LoglinearModel(int max_total, int max_anchor, Smoothing smoothing)
    : width_(static_cast<size_t>(max_anchor) + 1),
      cells_((static_cast<size_t>(max_total) + 1) * width_),
      smoothing_(smoothing) {
  // A scale of K + 1 scores carries K powers and no more.
  const auto total = Polynomials(max_total, std::min(smoothing.degree, max_total));
  const auto anchor = Polynomials(max_anchor, std::min(smoothing.degree, max_anchor));
  std::vector<std::pair<size_t, size_t>> powers;  // of total and of anchor
  for (size_t i = 0; i < total.size(); ++i) powers.emplace_back(i, 0);
  for (size_t j = 1; j < anchor.size(); ++j) powers.emplace_back(0, j);
  if (max_anchor > 0) {
    const auto cross = static_cast<size_t>(smoothing.cross);
    for (size_t i = 1; i <= std::min(cross, total.size() - 1); ++i) {
      for (size_t j = 1; j <= std::min(cross, anchor.size() - 1); ++j) powers.emplace_back(i, j);
    }
  }
  terms_ = powers.size();
  basis_.reserve(cells_ * terms_);
  products_.reserve(cells_ * terms_ * (terms_ + 1) / 2);
  for (size_t cell = 0; cell < cells_; ++cell) {
    for (const auto& [i, j] : powers) {
      basis_.push_back(total[i][cell / width_] * anchor[j][cell % width_]);
    }
    const double* row = Row(cell);
    for (size_t i = 0; i < terms_; ++i) {
      for (size_t j = 0; j <= i; ++j) products_.push_back(row[i] * row[j]);
    }
  }
}

absl::Status LoglinearModel::CheckSupport(std::span<const double> counts) const {
  std::vector<double> total(cells_ / width_, 0.0), anchor(width_, 0.0);
  for (size_t cell = 0; cell < cells_; ++cell) {
    total[cell / width_] += counts[cell];
    anchor[cell % width_] += counts[cell];
  }
  size_t occurring = ScoresThatOccur(total);
  if (width_ > 1) occurring = std::min(occurring, ScoresThatOccur(anchor));
  if (occurring > static_cast<size_t>(smoothing_.degree)) return absl::OkStatus();
  return FailedPrecondition(
      "SMOOTHING_DEGREE_TOO_HIGH",
      absl::StrCat("only ", occurring, " different scores occur, which a polynomial of degree ",
                   smoothing_.degree, " cannot smooth; lower the degree or use more persons"));
}

absl::StatusOr<LoglinearModel::Fit> LoglinearModel::Estimate(std::span<const double> counts,
                                                             std::span<const double> start) const {
  INVIGIL_RETURN_IF_ERROR(CheckSupport(counts));
  double n = 0;
  for (double count : counts) n += count;

  Fit fit;
  fit.frequencies.resize(cells_);
  std::vector<double> hessian(terms_ * (terms_ + 1) / 2), step(terms_), trial(terms_);
  std::vector<double> expected(cells_);

  // Sets `expected` from coefficients and returns the log-likelihood without constants.
  const auto evaluate = [&](const std::vector<double>& coefficients) {
    double likelihood = 0;
    for (size_t cell = 0; cell < cells_; ++cell) {
      const double* row = Row(cell);
      double eta = 0;
      for (size_t k = 0; k < terms_; ++k) eta += row[k] * coefficients[k];
      expected[cell] = std::exp(eta);
      likelihood += counts[cell] * eta - expected[cell];
    }
    return likelihood;
  };
  const auto weigh = [&](const std::vector<double>& weights) {
    std::fill(hessian.begin(), hessian.end(), 0.0);
    const double* product = products_.data();
    for (size_t cell = 0; cell < cells_; ++cell) {
      const double weight = weights[cell];
      for (double& entry : hessian) entry += weight * *product++;
    }
  };

  if (start.size() == terms_) {
    fit.coefficients.assign(start.begin(), start.end());
  } else {
    // One weighted least-squares step from the counts themselves, as generalised linear models
    // start, with a share of a person added so that empty cells have a logarithm.
    std::fill(step.begin(), step.end(), 0.0);
    const double added = std::min(0.1, n / static_cast<double>(cells_));
    for (size_t cell = 0; cell < cells_; ++cell) {
      const double mean = expected[cell] = counts[cell] + added;
      const double working = mean * std::log(mean) + counts[cell] - mean;
      for (size_t k = 0; k < terms_; ++k) step[k] += Row(cell)[k] * working;
    }
    weigh(expected);
    if (CholeskyFactor(hessian, terms_)) {
      CholeskySolve(hessian, terms_, step.data());
      fit.coefficients = step;
    } else {
      fit.coefficients.assign(terms_, 0.0);
      fit.coefficients[0] = std::log(n / static_cast<double>(cells_)) / Row(0)[0];
    }
  }

  double likelihood = evaluate(fit.coefficients);
  bool last = false;
  while (fit.iterations < kMaxIterations && std::isfinite(likelihood)) {
    ++fit.iterations;
    std::fill(step.begin(), step.end(), 0.0);
    for (size_t cell = 0; cell < cells_; ++cell) {
      const double* row = Row(cell);
      const double miss = counts[cell] - expected[cell];
      for (size_t k = 0; k < terms_; ++k) step[k] += row[k] * miss;
    }
    weigh(expected);
    trial = step;  // the gradient
    if (!CholeskyFactor(hessian, terms_)) break;
    CholeskySolve(hessian, terms_, step.data());
    double decrement = 0;
    for (size_t k = 0; k < terms_; ++k) decrement += trial[k] * step[k];
    last = decrement <= kDecrement * n;
    // The likelihood is concave: a full step is right near the top, a shorter one elsewhere. Near
    // the top what is gained drowns in the rounding of the sum.
    const double enough = likelihood - kRounding * std::abs(likelihood);
    double length = 1, reached = 0;
    for (int halving = 0; halving < 60; ++halving, length *= 0.5) {
      for (size_t k = 0; k < terms_; ++k) trial[k] = fit.coefficients[k] + length * step[k];
      reached = evaluate(trial);
      if (last || reached >= enough) break;
    }
    fit.coefficients = trial;
    likelihood = reached;
    if (last) break;
  }
  if (!last || !std::isfinite(likelihood)) {
    return FailedPrecondition("SMOOTHING_NOT_CONVERGED",
                              absl::StrCat("the log-linear model of degree ", smoothing_.degree,
                                           " has no maximum on these frequencies; lower the degree "
                                           "or the number of cross-products"));
  }
  fit.frequencies = expected;
  return fit;
}

LoglinearModel::Covariance::Covariance(const LoglinearModel& model, std::span<const double> fitted,
                                       std::span<const double> counts)
    : model_(model), proportions_(fitted.begin(), fitted.end()) {
  for (double count : counts) n_ += count;
  for (double& p : proportions_) p /= n_;
  std::vector<double> observed(counts.begin(), counts.end());
  for (double& p : observed) p /= n_;
  factor_ = model.TermCovariance(proportions_);
  observed_ = model.TermCovariance(observed);
  if (!CholeskyFactor(factor_, model.terms_ - 1)) factor_.clear();
}

std::vector<double> LoglinearModel::TermCovariance(std::span<const double> proportions) const {
  const size_t terms = terms_ - 1;
  std::vector<double> means(terms, 0.0), covariance(terms * (terms + 1) / 2, 0.0);
  for (size_t cell = 0; cell < cells_; ++cell) {
    for (size_t k = 0; k < terms; ++k) means[k] += proportions[cell] * Row(cell)[k + 1];
  }
  for (size_t cell = 0; cell < cells_; ++cell) {
    const double* row = Row(cell) + 1;
    double* entry = covariance.data();
    for (size_t i = 0; i < terms; ++i) {
      for (size_t j = 0; j <= i; ++j) {
        *entry++ += proportions[cell] * (row[i] - means[i]) * (row[j] - means[j]);
      }
    }
  }
  return covariance;
}

double LoglinearModel::Covariance::Of(std::span<const double> c) const {
  if (factor_.empty()) return std::nan("");
  const size_t terms = model_.terms_ - 1;
  double mean = 0;
  for (size_t cell = 0; cell < proportions_.size(); ++cell) mean += proportions_[cell] * c[cell];
  std::vector<double> w(terms, 0.0);
  for (size_t cell = 0; cell < proportions_.size(); ++cell) {
    const double weight = proportions_[cell] * (c[cell] - mean);
    const double* row = model_.Row(cell) + 1;
    for (size_t k = 0; k < terms; ++k) w[k] += weight * row[k];
  }
  CholeskySolve(factor_, terms, w.data());
  double sum = 0;
  const double* entry = observed_.data();
  for (size_t i = 0; i < terms; ++i) {
    for (size_t j = 0; j <= i; ++j) sum += (i == j ? 1 : 2) * w[i] * w[j] * *entry++;
  }
  return sum / n_;
}

FitStatistics StatisticsOf(std::span<const double> counts, std::span<const double> fitted,
                           size_t terms) {
  FitStatistics s;
  for (size_t cell = 0; cell < counts.size(); ++cell) {
    s.log_likelihood +=
        counts[cell] * std::log(fitted[cell]) - fitted[cell] - LogGamma(counts[cell] + 1);
    s.deviance += 2 * (fitted[cell] - counts[cell]);
    if (counts[cell] > 0) s.deviance += 2 * counts[cell] * std::log(counts[cell] / fitted[cell]);
  }
  const auto k = static_cast<double>(terms);
  s.aic = 2 * k - 2 * s.log_likelihood;
  s.bic = k * std::log(static_cast<double>(counts.size())) - 2 * s.log_likelihood;
  s.degrees_of_freedom = static_cast<int>(counts.size()) - static_cast<int>(terms);
  return s;
}

}  // namespace invigil::scoring::equating
