// One request prepared: checked once, then applied to the groups as observed and, in the
// bootstrap, to resampled ones. Immutable after construction; any thread.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/equating/equate.h"
#include "services/scoring/domain/equating/loglinear.h"
#include "services/scoring/domain/equating/percentile.h"
#include "services/scoring/domain/equating/synthetic.h"

namespace invigil::scoring::equating {

// Both groups, as counted or as smoothed.
struct Groups {
  ScoreTable x, y;
  // Of the fits; empty without smoothing. Where the next fit starts.
  std::vector<double> coefficients_x, coefficients_y;
};

class Engine {
 public:
  // Errors: those of Equate() that do not depend on the frequencies' shape.
  static absl::StatusOr<Engine> Create(const Request& request, const ScoreTable& x,
                                       const ScoreTable& y);

  const Request& request() const { return request_; }
  const MomentSetting& setting() const { return setting_; }
  double weight_x() const { return setting_.weight_x; }
  const std::optional<LoglinearModel>& model_x() const { return model_x_; }
  const std::optional<LoglinearModel>& model_y() const { return model_y_; }
  bool needs_moments_only() const { return !UsesDistributions(request_.method); }

  // The counts smoothed, or themselves. `warm` gives where to start.
  absl::StatusOr<Groups> Smooth(const ScoreTable& x, const ScoreTable& y,
                                const Groups* warm = nullptr) const;
  // Equivalents of every raw score of X, from what Smooth returned.
  absl::StatusOr<std::vector<double>> Table(const Groups& groups) const;
  // The line, for methods that have one.
  absl::StatusOr<std::optional<Line>> LineFor(const Groups& groups) const;

 private:
  Engine(Request request, MomentSetting setting) : request_(request), setting_(setting) {}

  Request request_;
  MomentSetting setting_;
  std::optional<LoglinearModel> model_x_, model_y_;
};

// X to the anchor in group X, then the anchor to Y in group Y.
struct Chain {
  Distribution x, anchor_x, anchor_y, y;
  explicit Chain(const Groups& groups);
  double ToAnchor(double score) const { return anchor_x.Inverse(x.Rank(score)); }
  double FromAnchor(double anchor) const { return y.Inverse(anchor_y.Rank(anchor)); }
};

// The line that matches the means and deviations of two distributions of proportions (Braun &
// Holland 1982), with `n` persons behind each so that variances have n - 1 in the denominator.
absl::StatusOr<Line> BraunHollandLine(const SyntheticDistributions& synthetic);

}  // namespace invigil::scoring::equating
