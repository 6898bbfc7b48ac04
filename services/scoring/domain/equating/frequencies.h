// Score frequencies of one group that took one form: what every observed-score method works on.
// Persons are counted once into a table, so that a method's cost depends on the number of items and
// not on the number of persons. Pure; any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace invigil::scoring::equating {

// Counts (or proportions) of persons by total score and anchor score.
struct ScoreTable {
  int max_total = 0;          // K: totals are 0..K
  int max_anchor = 0;         // 0 where the group took no anchor
  std::vector<double> cells;  // (K + 1) rows of (max_anchor + 1) anchor scores
  double n = 0;               // the sum of the cells

  size_t Width() const { return static_cast<size_t>(max_anchor) + 1; }
  bool HasAnchor() const { return max_anchor > 0; }
  double At(int total, int anchor) const {
    return cells[static_cast<size_t>(total) * Width() + static_cast<size_t>(anchor)];
  }
};

// Counts one group. `anchor` is empty for designs without one, else as long as `total`; `group`
// names it in errors. max_anchor 0 with an empty `anchor`.
// Errors, all INVALID_ARGUMENT: RANGE_INVALID (max_total below 1, or below 0 for the anchor),
// SCORES_EMPTY, ANCHOR_MISSING (lengths differ), SCORE_NOT_INTEGER (also NaN), SCORE_OUT_OF_RANGE
// (negative or above the maximum).
absl::StatusOr<ScoreTable> Tabulate(std::span<const double> total, std::span<const double> anchor,
                                    int max_total, int max_anchor, std::string_view group);

// A table without anchor, from frequencies of totals 0..K.
// Errors: INVALID_ARGUMENT RANGE_INVALID, SCORES_EMPTY, FREQUENCY_INVALID (negative or not finite).
absl::StatusOr<ScoreTable> FromFrequencies(std::span<const double> counts, std::string_view group);

// Frequencies by total and by anchor score.
std::vector<double> TotalMargin(const ScoreTable& table);
std::vector<double> AnchorMargin(const ScoreTable& table);

// Moments of frequencies over 0, 1, 2, ...
struct Moments {
  double n = 0;
  double mean = 0;
  double variance = 0;  // n - 1 in the denominator
  double skewness =
      0;  // third central moment (n) over the cubed deviation (n - 1); 0 without spread
  double kurtosis = 0;          // the fourth alike; 3 for the normal
  int lowest = 0, highest = 0;  // scores that somebody has
};
Moments MomentsOf(std::span<const double> frequencies);

// First and second moments of totals and anchors together; denominators n - 1.
struct JointMoments {
  double n = 0;
  double mean_total = 0, mean_anchor = 0;
  double var_total = 0, var_anchor = 0, covariance = 0;
};
JointMoments JointMomentsOf(const ScoreTable& table);

}  // namespace invigil::scoring::equating
