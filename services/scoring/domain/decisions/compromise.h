// Compromises between what judges ask for and what candidates did: a check on a cut set by content
// alone (Beuk 1984; Hofstee 1983; Cizek & Bunch 2007, ch. 11).
#pragma once

#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace invigil::scoring {

struct BeukJudgement {
  std::string judge;
  double cut = 0;        // raw score a candidate must reach
  double pass_rate = 0;  // share of candidates expected to pass, in [0, 1]
};

struct HofsteeJudgement {
  std::string judge;
  double least_cut = 0, greatest_cut = 0;              // raw scores
  double least_fail_rate = 0, greatest_fail_rate = 0;  // shares, in [0, 1]
};

struct Compromise {
  double cut = 0;        // unrounded raw score
  double pass_rate = 0;  // of these candidates, where the line meets their curve
  // The line: Beuk through the means (mean_cut, mean_pass_rate) with `slope`; Hofstee from (least
  // cut, greatest fail rate) to (greatest cut, least fail rate), given as its ends.
  double mean_cut = 0, mean_pass_rate = 0, slope = 0;  // Beuk; an infinite slope stands upright
  double least_cut = 0, greatest_cut = 0, least_fail_rate = 0, greatest_fail_rate = 0;  // Hofstee
};

// `scores` are whole numbers from 0 to `max`; the curve is the share at or above a cut, with
// straight lines between whole scores. The line has slope SD(pass rates) / SD(cuts): judges give
// way where they disagree most. Errors, INVALID_ARGUMENT: JUDGEMENTS_EMPTY (fewer than two),
// JUDGEMENT_RANGE, SCORES_EMPTY, SCORE_OUTSIDE_SCALE, SCALE_INVALID; FAILED_PRECONDITION:
// BEUK_NO_SPREAD (all judges say the same of both), COMPROMISE_NO_CROSSING (the line meets the
// curve nowhere on the scale).
absl::StatusOr<Compromise> Beuk(std::span<const BeukJudgement> judgements,
                                std::span<const double> scores, int max);

// Errors as above (one judge is enough), and JUDGEMENT_RANGE for a least above its greatest.
// COMPROMISE_NO_CROSSING: the candidates' curve misses the judges' rectangle; `message` says on
// which side.
absl::StatusOr<Compromise> Hofstee(std::span<const HofsteeJudgement> judgements,
                                   std::span<const double> scores, int max);

}  // namespace invigil::scoring
