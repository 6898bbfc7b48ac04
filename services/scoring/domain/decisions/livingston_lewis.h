// Accuracy and consistency of decisions on any score with a known reliability, from one
// administration (Livingston & Lewis 1995; moments after Lord 1965 and Hanson 1991).
#pragma once

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "services/scoring/domain/decisions/classification.h"

namespace invigil::scoring {

// The distribution of true proportion scores: a beta distribution on [low, high].
struct TrueScores {
  double alpha = 0, beta = 0;
  double low = 0, high = 1;
};

enum class TrueScoreModel { kTwoParameter, kFourParameter };

struct LivingstonLewisInput {
  std::span<const double> scores;
  double reliability = 0;   // in (0, 1)
  double min = 0, max = 0;  // of the score
  double cut = 0;           // at or above passes; above min, at most max
  TrueScoreModel model = TrueScoreModel::kFourParameter;
};

struct LivingstonLewisResult {
  Classification classification;
  double effective_length = 0;  // unrounded: used for the moments
  int rounded_length = 0;       // of the binomial errors
  TrueScores true_scores;
  TrueScoreModel model = TrueScoreModel::kFourParameter;  // the one used
  std::string fallback;  // why two parameters were used though four were asked for; else empty
};

// Pass is an observed proportion at or above (cut - min) / (max - min), of the rounded effective
// length; true pass is a true proportion at or above it. Four parameters are the first four moments
// of the true scores; where these give no distribution inside [0, 1] two are used on [0, 1], and
// `fallback` says so.
// Errors, INVALID_ARGUMENT: SCORES_EMPTY (fewer than two), SCORE_OUTSIDE_SCALE, CUT_OUTSIDE_SCALE,
// RELIABILITY_INVALID, SCALE_INVALID; FAILED_PRECONDITION: SCORES_WITHOUT_VARIANCE, MOMENTS_INVALID
// (an effective length below 2, or a true variance that no beta distribution has: the reliability
// and the scores contradict each other).
absl::StatusOr<LivingstonLewisResult> LivingstonLewis(const LivingstonLewisInput& input);

}  // namespace invigil::scoring
