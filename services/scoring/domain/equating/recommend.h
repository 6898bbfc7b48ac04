// Which method the sample allows, with the reason that goes on record beside the conversion.
// Bounds after Kolen & Brennan (2014, sec. 8.3) and Livingston & Kim (2009): a method that
// estimates more needs more persons before it does less harm than good.
#pragma once

#include <string>

#include "services/scoring/domain/equating/frequencies.h"
#include "services/scoring/domain/equating/loglinear.h"
#include "services/scoring/domain/equating/methods.h"

namespace invigil::scoring::equating {

struct Recommendation {
  Method method = Method::kIdentity;
  Smoothing smoothing;
  std::string reason;  // whole sentences, with the numbers behind it
};

// Bounds on the smaller group. All can be set.
struct RecommendationBounds {
  double circle_arc = 30;           // below: identity
  double mean = 100;                // below: circle-arc
  double linear = 400;              // below: mean, or chained linear with an anchor
  double equipercentile = 1500;     // below: linear, or Tucker or chained linear with an anchor
  double group_difference = 0.25;   // standard deviations of the anchor that groups may differ by
  double anchor_correlation = 0.5;  // below it the anchor says too little
};

Recommendation RecommendMethod(Design design, const ScoreTable& x, const ScoreTable& y,
                               const RecommendationBounds& bounds = {});

}  // namespace invigil::scoring::equating
