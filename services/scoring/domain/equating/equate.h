// Observed-score equating of form X to form Y: a request in, a table of equivalents with standard
// errors out. Formulas after Kolen & Brennan (2014), ch. 2-7; conventions in README.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/equating/frequencies.h"
#include "services/scoring/domain/equating/loglinear.h"
#include "services/scoring/domain/equating/methods.h"
#include "services/scoring/domain/equating/moment_methods.h"

namespace invigil::scoring::equating {

struct Request {
  Design design = Design::kRandomGroups;
  Method method = Method::kLinear;
  // NEAT mean and circle-arc only: what makes the middle point.
  Center center = Center::kTucker;
  Smoothing smoothing;
  // Share of population X in the synthetic population, 0 to 1; unset: n_x / (n_x + n_y).
  std::optional<double> weight_x;
  // Replications of the bootstrap; 0: the analytic standard error. Groups are resampled
  // independently at their size, and smoothed anew each time.
  int bootstrap = 0;
  uint64_t seed = 1;
  int threads = 0;  // 0: as many as the machine has; the result does not depend on it
};

// How the standard errors were made.
enum class ErrorKind {
  kNone,       // identity: nothing is estimated
  kMoments,    // random groups mean and linear, Kolen & Brennan eq. 7.10 without normality
  kDelta,      // delta method on moments or on (smoothed) proportions
  kLord,       // unsmoothed equipercentile of random groups, Lord (1982), K&B eq. 7.12
  kBootstrap,  // deviation over replications
};
std::string_view NameOf(ErrorKind kind);

struct EquatedScore {
  int raw = 0;
  double equated = 0;  // unrounded
  // Unset where it cannot be had: nobody has scores near the equivalent.
  std::optional<double> standard_error;
};

struct Equating {
  std::vector<EquatedScore> table;  // raw 0 to items of X
  std::optional<Line> line;         // of the methods that have one
  std::optional<double> weight_x;   // of the methods with a synthetic population
  ErrorKind error_kind = ErrorKind::kNone;
  int replications = 0;         // of the bootstrap that gave a table
  int failed_replications = 0;  // whose smoothing or moments failed; left out of the errors
};

// Equates. The maxima of the tables are the numbers of items.
// Errors. INVALID_ARGUMENT: METHOD_NOT_FOR_DESIGN (names the methods that fit),
// SMOOTHING_NOT_FOR_METHOD, SMOOTHING_INVALID (degree or cross-products out of range),
// WEIGHT_INVALID, BOOTSTRAP_INVALID, ANCHOR_MISSING, ANCHOR_MISMATCH (numbers of items differ),
// ANCHOR_ABOVE_TOTAL (an internal anchor score that its total cannot hold), SCORES_TOO_FEW.
// FAILED_PRECONDITION: those of moment_methods.h, loglinear.h and synthetic.h, and
// BOOTSTRAP_FAILED (most replications had no table).
absl::StatusOr<Equating> Equate(const Request& request, const ScoreTable& x, const ScoreTable& y);

}  // namespace invigil::scoring::equating
