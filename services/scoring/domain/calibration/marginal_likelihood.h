// The marginal log-likelihood (plus log prior) as a function of a parameter vector, with its exact
// gradient (Fisher's identity) and the information the complete data would have, which is what EM
// divides by. Inside this room.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "services/scoring/domain/ability/quadrature.h"
#include "services/scoring/domain/calibration/calibration.h"
#include "services/scoring/domain/calibration/expectation.h"

namespace invigil::scoring {

// Where each parameter stands in the vector; kAbsent: not estimated.
struct ParameterLayout {
  static constexpr int kAbsent = -1;
  struct Item {
    int slope = kAbsent, intercept = kAbsent, asymptote = kAbsent;  // the last on the logit scale
  };
  std::vector<Item> items;
  int common_slope = kAbsent;  // of all items that are not fixed
  int mean = kAbsent, log_sd = kAbsent;
  size_t count = 0;
};

struct Evaluation {
  double objective = 0;  // log_likelihood + log_prior
  double log_likelihood = 0, log_prior = 0;
  std::vector<double> gradient;  // of the objective
  // Complete-data information: per item slope-slope, slope-intercept, intercept-intercept,
  // slope-asymptote, intercept-asymptote, asymptote-asymptote; of the group mean-mean, mean-log sd,
  // log sd-log sd. Priors included.
  std::vector<std::array<double, 6>> item_information;
  std::array<double, 3> group_information{};
};

class MarginalLikelihood {
 public:
  // `patterns` outlive this. `curves` hold what is not estimated.
  MarginalLikelihood(const PackedPatterns& patterns, std::vector<double> nodes,
                     ParameterLayout layout, std::vector<ItemCurve> curves,
                     std::optional<NormalPrior> prior_logit_g, int threads);

  void Evaluate(const std::vector<double>& parameters, Evaluation& out);
  // What one step of EM (its gradient form, Lange 1995) would add for this gradient: the inverse of
  // the complete-data information times it.
  std::vector<double> Precondition(const Evaluation& at, const std::vector<double>& gradient) const;
  // The diagonal of that information.
  std::vector<double> Diagonal(const Evaluation& at) const;

  std::vector<ItemCurve> Curves(const std::vector<double>& parameters) const;
  double Mean(const std::vector<double>& parameters) const;
  double StandardDeviation(const std::vector<double>& parameters) const;
  const ParameterLayout& layout() const { return layout_; }

 private:
  void ItemTerms(size_t item, const ItemCurve& curve, Evaluation& out) const;
  void GroupTerms(const std::vector<double>& parameters, const std::vector<double>& log_weights,
                  Evaluation& out) const;

  ParameterLayout layout_;
  std::vector<ItemCurve> curves_;
  std::optional<NormalPrior> prior_logit_g_;
  ItemTables tables_;
  ExpectationStep step_;
  Expectation expected_;
};

}  // namespace invigil::scoring
