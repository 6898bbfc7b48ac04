// The modified Angoff standard: judges say for each item how probably a candidate who just passes
// has it right; the cut is the mean over judges of their sums (Angoff 1971; Cizek & Bunch 2007, ch.
// 6).
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace invigil::scoring {

struct AngoffRating {
  int round = 1;
  std::string judge, item;
  double rating = 0;  // probability, in [0, 1]
};

struct AngoffJudge {
  std::string judge;
  double cut = 0;  // sum of the judge's ratings, in raw points
  // Of the judge's ratings with the mean of the others', and with the empirical difficulties when
  // these are given; unset when one side has no variance.
  std::optional<double> agreement, difficulty_correlation;
  double mean_difference = 0;  // from the mean of the others, per item; above 0: stricter
};

// One round of judgements.
struct AngoffRound {
  int round = 0;
  std::vector<AngoffJudge> judges;  // in order of name
  size_t items = 0;
  double cut = 0;  // unrounded, in raw points
  double sd = 0;   // of the judges' cuts (n - 1)
  double se = 0;   // sd / sqrt(judges): other judges, these items
  // Other judges and other items (Brennan & Lockwood 1980), from the variance components below.
  double se_judges_and_items = 0;
  // Per rating, judge x item without replication; a negative estimate is 0.
  double judge_variance = 0, item_variance = 0, residual_variance = 0;
  // Items spread apart relative to judges' disagreement: item variance over item variance plus
  // error of a panel's mean (phi; Brennan 2001). Unset when nobody told items apart.
  std::optional<double> dependability;
};

struct AngoffResult {
  std::vector<AngoffRound> rounds;  // rising; the last one is the standard
  double cut() const { return rounds.back().cut; }
  double se() const { return rounds.back().se; }
};

// `difficulty` may be empty, or hold the proportion right of every item.
// Errors, INVALID_ARGUMENT: ANGOFF_EMPTY (no ratings), ANGOFF_ONE_JUDGE (a round with fewer than
// two judges has no error), ANGOFF_ONE_ITEM, ANGOFF_RATING_RANGE, ANGOFF_RATING_REPEATED,
// ANGOFF_RATING_MISSING (a judge left out an item that others rated in that round),
// ANGOFF_ROUND_ITEMS (a round rates other items than the first: its cut would be of another form),
// ANGOFF_DIFFICULTY (missing for an item or outside [0, 1]). Judges may leave between rounds; each
// round names its own.
absl::StatusOr<AngoffResult> Angoff(std::span<const AngoffRating> ratings,
                                    const std::map<std::string, double>& difficulty = {});

}  // namespace invigil::scoring
