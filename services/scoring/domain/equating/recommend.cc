#include "services/scoring/domain/equating/recommend.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace invigil::scoring::equating {
namespace {

struct AnchorEvidence {
  double difference = 0;   // of the groups' anchor means, in pooled standard deviations
  double correlation = 0;  // with the total, the smaller of the two groups
};

AnchorEvidence EvidenceOf(const JointMoments& x, const JointMoments& y) {
  AnchorEvidence e;
  const double pooled = std::sqrt(0.5 * (x.var_anchor + y.var_anchor));
  if (pooled > 0) e.difference = (y.mean_anchor - x.mean_anchor) / pooled;
  const auto correlation = [](const JointMoments& m) {
    const double spread = std::sqrt(m.var_total * m.var_anchor);
    return spread > 0 ? m.covariance / spread : 0.0;
  };
  e.correlation = std::min(correlation(x), correlation(y));
  return e;
}

Recommendation ForRandomGroups(double n, const RecommendationBounds& bounds) {
  if (n < bounds.mean) {
    return {Method::kCircleArc, {}, "circle-arc estimates one point and holds the ends."};
  }
  if (n < bounds.linear) {
    return {Method::kMean, {}, "the difference of the means is all the sample estimates well."};
  }
  if (n < bounds.equipercentile) {
    return {Method::kLinear, {}, "means and deviations are estimated well, the shape is not yet."};
  }
  return {Method::kEquipercentile,
          {.degree = 6},
          "the sample carries the whole distribution, presmoothed so that six moments are kept."};
}

Recommendation ForAnchor(double n, const AnchorEvidence& e, const RecommendationBounds& bounds) {
  const bool apart = std::abs(e.difference) > bounds.group_difference;
  const std::string difference =
      absl::StrFormat("the groups differ by %.2f deviations on the anchor", e.difference);
  if (n < bounds.mean) {
    return {Method::kCircleArc, {}, "circle-arc estimates one point and holds the ends."};
  }
  if (n < bounds.linear) {
    return {Method::kChainedLinear, {}, "chained linear asks least of the anchor."};
  }
  if (n < bounds.equipercentile) {
    return apart ? Recommendation{Method::kChainedLinear,
                                  {},
                                  difference +
                                      ", where chained linear is the least biased of the "
                                      "linear methods."}
                 : Recommendation{
                       Method::kTucker, {}, difference + ", where Tucker has the smallest error."};
  }
  return apart ? Recommendation{Method::kChainedEquipercentile,
                                {.degree = 4, .cross = 1},
                                difference +
                                    ", where frequency estimation is biased more than chaining."}
               : Recommendation{Method::kFrequencyEstimation,
                                {.degree = 4, .cross = 1},
                                difference + ", where frequency estimation has the smaller error."};
}

}  // namespace

Recommendation RecommendMethod(Design design, const ScoreTable& x, const ScoreTable& y,
                               const RecommendationBounds& bounds) {
  const double n = std::min(x.n, y.n);
  const std::string size = absl::StrFormat("The smaller group has %.0f persons: ", n);
  if (n < bounds.circle_arc) {
    return {Method::kIdentity,
            {},
            absl::StrCat(size, "fewer than ", bounds.circle_arc,
                         " would add more error than the forms are likely to differ by.")};
  }
  if (!IsNeat(design)) {
    Recommendation r = ForRandomGroups(n, bounds);
    r.reason = size + r.reason;
    return r;
  }
  const AnchorEvidence evidence = EvidenceOf(JointMomentsOf(x), JointMomentsOf(y));
  if (evidence.correlation < bounds.anchor_correlation) {
    return {Method::kIdentity,
            {},
            absl::StrFormat("The anchor correlates %.2f with the total, below %.2f: it cannot tell "
                            "a harder form from a weaker group.",
                            evidence.correlation, bounds.anchor_correlation)};
  }
  Recommendation r = ForAnchor(n, evidence, bounds);
  r.reason = size + r.reason;
  return r;
}

}  // namespace invigil::scoring::equating
