// From a base form's number correct, or an ability, to the unrounded reporting scale.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace invigil::scoring {

// A line through knots. Values beyond the outer knots follow the outer segments; what is reported
// is held inside the scale by ReportingScale. Value type; any thread.
class ScaleMap {
 public:
  struct Knot {
    double from = 0;  // number correct or ability
    double to = 0;    // scaled, unrounded
  };

  // Through two points or more. Two slopes that meet at the cut are three knots.
  // Errors, INVALID_ARGUMENT: SCALE_KNOTS (fewer than two, not finite, or `from` not rising),
  // SCALE_NOT_MONOTONE (`to` falls).
  static absl::StatusOr<ScaleMap> PiecewiseLinear(std::vector<Knot> knots);
  // to = intercept + slope from; slope above 0, else SCALE_NOT_MONOTONE.
  static absl::StatusOr<ScaleMap> Linear(double slope, double intercept);
  // Entry x is the scaled score of number correct x; between whole numbers the straight line.
  static absl::StatusOr<ScaleMap> Table(std::span<const double> scaled);

  double At(double from) const;
  const std::vector<Knot>& knots() const { return knots_; }

 private:
  explicit ScaleMap(std::vector<Knot> knots) : knots_(std::move(knots)) {}

  std::vector<Knot> knots_;
};

}  // namespace invigil::scoring
