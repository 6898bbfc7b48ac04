// The methods that need no more than means, variances and covariances: mean, linear, Tucker,
// Levine, chained linear, circle-arc. Every function is smooth in the moments, which is what the
// delta method asks for. Variances have n - 1 in the denominator throughout. Pure; any thread.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/equating/frequencies.h"
#include "services/scoring/domain/equating/methods.h"

namespace invigil::scoring::equating {

// y = intercept + slope x.
struct Line {
  double intercept = 0, slope = 1;
  double operator()(double x) const { return intercept + slope * x; }
};

// What a method of this file needs to know beside the moments.
struct MomentSetting {
  Design design = Design::kRandomGroups;
  Method method = Method::kIdentity;
  Center center = Center::kTucker;
  double weight_x = 0.5;  // share of population X in the synthetic population
  int items_x = 0, items_y = 0, items_anchor = 0;
};

// Means and variances of X and Y in the synthetic population (Kolen & Brennan, eq. 4.2-4.5).
struct SyntheticMoments {
  double mean_x = 0, mean_y = 0, var_x = 0, var_y = 0;
};
SyntheticMoments Synthesize(const JointMoments& x, const JointMoments& y, double gamma_x,
                            double gamma_y, double weight_x);

// The line of identity, mean, linear, Tucker, Levine, Levine true-score and chained linear.
// Errors, FAILED_PRECONDITION: ZERO_VARIANCE (a divisor has no spread), ANCHOR_UNRELATED (an
// anchor whose covariance with the total is not above 0).
absl::StatusOr<Line> LineOf(const MomentSetting& setting, const JointMoments& x,
                            const JointMoments& y);

// Where circle-arc equating pins its arc: a score on X, and its equivalent on Y.
struct MiddlePoint {
  double x = 0, y = 0;
};
absl::StatusOr<MiddlePoint> MiddlePointOf(const MomentSetting& setting, const JointMoments& x,
                                          const JointMoments& y);

// The arc through (0, 0), the middle point and (items_x, items_y). Simplified: the arc is that of
// what is left after the line through the end points (Livingston & Kim 2009, method 2); otherwise
// the circle through the three points themselves (method 1), the same either way round.
// Equivalents of 0..items_x. Errors, FAILED_PRECONDITION: MIDDLE_POINT_OUTSIDE (not strictly
// between the ends), CIRCLE_ARC_NOT_MONOTONE (so far from the line that the arc turns back).
absl::StatusOr<std::vector<double>> CircleArc(const MiddlePoint& middle, int items_x, int items_y,
                                              bool simplified = true);

// Equivalents of 0..items_x by any method of this file.
absl::StatusOr<std::vector<double>> MomentTable(const MomentSetting& setting, const JointMoments& x,
                                                const JointMoments& y);

}  // namespace invigil::scoring::equating
