// Item parameters from right and wrong answers by marginal maximum likelihood (Bock & Aitkin 1981),
// logistic metric D = 1. Pure; any thread.
//
// Ability is normal on fixed, equally spaced nodes. It is N(0, 1), except that the Rasch model
// estimates its sd, and a calibration with fixed items its mean and sd (Kim 2006, "multiple weights
// updating, multiple EM cycles"). Missing by design: what was not presented is left out of the
// likelihood, so forms that share items calibrate concurrently.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/ability/item_tables.h"
#include "services/scoring/domain/ability/quadrature.h"
#include "services/scoring/domain/irt.h"

namespace invigil::scoring {

enum class ItemModel {
  kRasch,           // slope 1, free sd of ability
  kOneParameter,    // one slope for all items
  kTwoParameter,    // slope and difficulty
  kThreeParameter,  // and a lower asymptote
};

struct NormalPrior {
  double mean = 0, sd = 1;
};

struct CalibrationProgress {
  int iteration = 0;
  double log_likelihood = 0;  // plus log prior
  double promised_gain = 0;   // of the next step; the end is near when it nears the tolerance
};

struct CalibrationOptions {
  ItemModel model = ItemModel::kTwoParameter;
  QuadratureSpec quadrature;
  // On the logit of the lower asymptote, of the three-parameter model only. No other parameter has
  // a prior, and without this one the asymptotes have none either (then some may not settle).
  std::optional<NormalPrior> prior_logit_g;
  // Per item the parameters it keeps, or none to estimate it. Empty: estimate all.
  std::vector<std::optional<ItemParameters>> fixed;
  // Item names for messages; empty: numbers from 1.
  std::vector<std::string> names;
  // Converged when the next step promises less than this of log-likelihood.
  double tolerance = 1e-9;
  int max_iterations = 1000;
  bool standard_errors = true;
  int threads = 0;  // 0: as many as the machine has. Results do not depend on it.
  // Called after every iteration; false cancels.
  std::function<bool(const CalibrationProgress&)> progress;
  std::stop_token stop;
};

struct CalibratedItem {
  // The slope may come out at or below 0: then the key is most likely wrong, and IsValid (irt.h) is
  // false of it.
  ItemParameters parameters;
  double intercept = 0;  // -slope * difficulty
  bool fixed = false;
  // From the inverse of the observed information (delta method for difficulty and asymptote);
  // absent for what was not estimated, and where information_problem says so.
  std::optional<double> se_slope, se_difficulty, se_intercept, se_asymptote, se_logit_asymptote;
};

struct CalibrationResult {
  bool converged = false;
  int iterations = 0;         // quasi-Newton steps
  int evaluations = 0;        // expectation steps, those for standard errors not counted
  double log_likelihood = 0;  // marginal, without priors
  double log_prior = 0;
  int parameter_count = 0;
  size_t persons = 0;  // with at least one item presented
  size_t patterns = 0;
  double mean = 0, sd = 1;  // of ability
  std::optional<double> se_mean, se_sd;
  std::vector<CalibratedItem> items;
  // Empty, NOT_REQUESTED, NOT_CONVERGED or INFORMATION_SINGULAR (the data do not settle every
  // parameter).
  std::string information_problem;
};

// Errors:
//   RESPONSES_SHAPE, RESPONSE_NOT_BINARY: the matrix is not what ResponseView says
//   CALIBRATION_EMPTY: no person was presented anything
//   CALIBRATION_ONE_ITEM: a single item tells nothing about ability
//   ITEM_NOT_PRESENTED, ITEM_NO_VARIANCE: nobody saw it; all who saw it were right, or all wrong
//   DESIGN_DISCONNECTED: items that share no persons with the rest, nor a fixed item
//   FIXED_INVALID, FIXED_ALL: wrong parameters of a fixed item; nothing left to estimate
//   QUADRATURE_INVALID, PRIOR_INVALID
//   CALIBRATION_CANCELLED
// A climb that ends early is no error: converged is false.
absl::StatusOr<CalibrationResult> Calibrate(const ResponseView& responses,
                                            const CalibrationOptions& options);

}  // namespace invigil::scoring
