// Log-linear presmoothing (Holland & Thayer 2000): the log of a cell's expected frequency is a
// polynomial of the scores, fitted by Poisson maximum likelihood. The fit keeps the number of
// persons and as many moments as the model has terms, exactly.
//
// One score: powers 1..degree. Total and anchor: powers 1..degree of each, and the products
// total^i anchor^j for i, j = 1..cross (cross 1 is the one product that keeps the covariance).
// Newton steps on polynomials made orthogonal over the scale: raw powers of 60^6 lose digits.
// Immutable after construction; any thread.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/equating/frequencies.h"

namespace invigil::scoring::equating {

struct Smoothing {
  int degree = 0;  // 0: none
  int cross = 0;   // 0 to degree; of use only with an anchor
  bool On() const { return degree > 0; }
};

class LoglinearModel {
 public:
  struct Fit {
    std::vector<double> frequencies;   // one per cell, summing to n
    std::vector<double> coefficients;  // on this model's polynomials, the constant first
    int iterations = 0;
  };

  // For tables of that shape; max_anchor 0 means one score. degree 1 or more, cross 0 to degree.
  LoglinearModel(int max_total, int max_anchor, Smoothing smoothing);

  size_t cells() const { return cells_; }
  // Terms, the constant included.
  size_t terms() const { return terms_; }

  // Fits `counts` (cells() of them, none negative, not all 0), from `start` when it is given.
  // Errors, FAILED_PRECONDITION: SMOOTHING_DEGREE_TOO_HIGH where no more scores occur than the
  // degree (the maximum need not exist), SMOOTHING_NOT_CONVERGED.
  absl::StatusOr<Fit> Estimate(std::span<const double> counts,
                               std::span<const double> start = {}) const;

  // The large-sample covariance of the fitted proportions p. Where the model holds it is
  // (1/n) F B [B' F B]^-1 B' F with F = D - p p' and B the terms without the constant (Holland &
  // Thayer 2000). Here the middle is the covariance that the terms have among the persons observed
  // (a "sandwich", White 1982): it holds too where the degree is too low for the distribution.
  class Covariance {
   public:
    Covariance(const LoglinearModel& model, std::span<const double> fitted,
               std::span<const double> counts);
    // Variance of sum_j c_j p_j; NaN where the fit has no spread.
    double Of(std::span<const double> c) const;

   private:
    const LoglinearModel& model_;
    std::vector<double> proportions_;
    std::vector<double> factor_, observed_;  // packed: of B' F B, and of the observed terms
    double n_ = 0;
  };

 private:
  const double* Row(size_t cell) const { return &basis_[cell * terms_]; }
  absl::Status CheckSupport(std::span<const double> counts) const;
  // Of the terms without the constant, packed, under these proportions.
  std::vector<double> TermCovariance(std::span<const double> proportions) const;

  size_t width_, cells_, terms_;
  Smoothing smoothing_;
  std::vector<double> basis_;     // cells x terms
  std::vector<double> products_;  // cells x terms (terms + 1) / 2: the products of two terms
};

struct FitStatistics {
  double log_likelihood = 0;  // Poisson, with the factorials
  double deviance = 0;        // likelihood-ratio chi-square against the counts
  double aic = 0, bic = 0;    // bic with the number of cells as sample size
  int degrees_of_freedom = 0;
};
FitStatistics StatisticsOf(std::span<const double> counts, std::span<const double> fitted,
                           size_t terms);

}  // namespace invigil::scoring::equating
