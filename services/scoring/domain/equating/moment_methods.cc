#include "services/scoring/domain/equating/moment_methods.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace invigil::scoring::equating {
namespace {

absl::Status NeedsSpread(double variance, const std::string& what) {
  if (variance > 0) return absl::OkStatus();
  return FailedPrecondition(
      "ZERO_VARIANCE",
      absl::StrCat("all ", what,
                   " are the same, so that nothing can be scaled by their spread; use identity "
                   "equating or more persons"));
}

absl::Status NeedsRelation(const JointMoments& m, const std::string& group) {
  if (m.covariance > 0) return absl::OkStatus();
  return FailedPrecondition(
      "ANCHOR_UNRELATED",
      absl::StrCat("the anchor does not rise with the total in group ", group,
                   "; check the anchor column, or use a method that needs no anchor"));
}

// The regression of the total on the anchor, or its counterparts, in both groups.
struct Gammas {
  double x = 0, y = 0;
};

absl::StatusOr<Gammas> TuckerGammas(const JointMoments& x, const JointMoments& y) {
  INVIGIL_RETURN_IF_ERROR(NeedsSpread(x.var_anchor, "anchor scores of group X"));
  INVIGIL_RETURN_IF_ERROR(NeedsSpread(y.var_anchor, "anchor scores of group Y"));
  return Gammas{x.covariance / x.var_anchor, y.covariance / y.var_anchor};
}

// Kolen & Brennan, eq. 4.53 (internal) and 4.58 (external).
absl::StatusOr<Gammas> LevineGammas(Design design, const JointMoments& x, const JointMoments& y) {
  INVIGIL_RETURN_IF_ERROR(NeedsRelation(x, "X"));
  INVIGIL_RETURN_IF_ERROR(NeedsRelation(y, "Y"));
  if (design == Design::kNeatInternal) {
    return Gammas{x.var_total / x.covariance, y.var_total / y.covariance};
  }
  return Gammas{(x.var_total + x.covariance) / (x.var_anchor + x.covariance),
                (y.var_total + y.covariance) / (y.var_anchor + y.covariance)};
}

absl::StatusOr<Gammas> GammasOf(Center center, const MomentSetting& setting, const JointMoments& x,
                                const JointMoments& y) {
  switch (center) {
    case Center::kLevine:
      return LevineGammas(setting.design, x, y);
    case Center::kNominal:
      return Gammas{static_cast<double>(setting.items_x) / setting.items_anchor,
                    static_cast<double>(setting.items_y) / setting.items_anchor};
    default:
      return TuckerGammas(x, y);
  }
}

absl::StatusOr<Line> ChainedLine(const JointMoments& x, const JointMoments& y) {
  INVIGIL_RETURN_IF_ERROR(NeedsSpread(x.var_total, "totals of group X"));
  INVIGIL_RETURN_IF_ERROR(NeedsSpread(x.var_anchor, "anchor scores of group X"));
  INVIGIL_RETURN_IF_ERROR(NeedsSpread(y.var_total, "totals of group Y"));
  INVIGIL_RETURN_IF_ERROR(NeedsSpread(y.var_anchor, "anchor scores of group Y"));
  const double to_anchor = std::sqrt(x.var_anchor / x.var_total);
  const double to_y = std::sqrt(y.var_total / y.var_anchor);
  const double slope = to_anchor * to_y;
  return Line{y.mean_total + to_y * (x.mean_anchor - y.mean_anchor) - slope * x.mean_total, slope};
}

absl::StatusOr<Line> SyntheticLine(const SyntheticMoments& s) {
  INVIGIL_RETURN_IF_ERROR(NeedsSpread(s.var_x, "totals of the synthetic population"));
  INVIGIL_RETURN_IF_ERROR(NeedsSpread(s.var_y, "totals of the synthetic population"));
  const double slope = std::sqrt(s.var_y / s.var_x);
  return Line{s.mean_y - slope * s.mean_x, slope};
}

}  // namespace

SyntheticMoments Synthesize(const JointMoments& x, const JointMoments& y, double gamma_x,
                            double gamma_y, double weight_x) {
  const double w1 = weight_x, w2 = 1 - weight_x;
  const double mean = x.mean_anchor - y.mean_anchor;
  const double variance = x.var_anchor - y.var_anchor;
  return {.mean_x = x.mean_total - w2 * gamma_x * mean,
          .mean_y = y.mean_total + w1 * gamma_y * mean,
          .var_x = x.var_total - w2 * gamma_x * gamma_x * variance +
                   w1 * w2 * gamma_x * gamma_x * mean * mean,
          .var_y = y.var_total + w1 * gamma_y * gamma_y * variance +
                   w1 * w2 * gamma_y * gamma_y * mean * mean};
}

absl::StatusOr<MiddlePoint> MiddlePointOf(const MomentSetting& setting, const JointMoments& x,
                                          const JointMoments& y) {
  if (!IsNeat(setting.design)) return MiddlePoint{x.mean_total, y.mean_total};
  switch (setting.center) {
    case Center::kChainedMean:
      return MiddlePoint{x.mean_total, y.mean_total + x.mean_anchor - y.mean_anchor};
    case Center::kChainedLinear: {
      const auto line = ChainedLine(x, y);
      if (!line.ok()) return line.status();
      return MiddlePoint{x.mean_total, (*line)(x.mean_total)};
    }
    default: {
      const auto gammas = GammasOf(setting.center, setting, x, y);
      if (!gammas.ok()) return gammas.status();
      const SyntheticMoments s = Synthesize(x, y, gammas->x, gammas->y, setting.weight_x);
      return MiddlePoint{s.mean_x, s.mean_y};
    }
  }
}

absl::StatusOr<Line> LineOf(const MomentSetting& setting, const JointMoments& x,
                            const JointMoments& y) {
  switch (setting.method) {
    case Method::kMean: {
      const auto middle = MiddlePointOf(setting, x, y);
      if (!middle.ok()) return middle.status();
      return Line{middle->y - middle->x, 1};
    }
    case Method::kLinear:
      return SyntheticLine({x.mean_total, y.mean_total, x.var_total, y.var_total});
    case Method::kTucker:
    case Method::kLevine: {
      const auto gammas = setting.method == Method::kTucker ? TuckerGammas(x, y)
                                                            : LevineGammas(setting.design, x, y);
      if (!gammas.ok()) return gammas.status();
      return SyntheticLine(Synthesize(x, y, gammas->x, gammas->y, setting.weight_x));
    }
    case Method::kLevineTrue: {  // Kolen & Brennan, eq. 4.66: no synthetic population
      const auto gammas = LevineGammas(setting.design, x, y);
      if (!gammas.ok()) return gammas.status();
      const double slope = gammas->y / gammas->x;
      return Line{y.mean_total + gammas->y * (x.mean_anchor - y.mean_anchor) - slope * x.mean_total,
                  slope};
    }
    case Method::kChainedLinear:
      return ChainedLine(x, y);
    default:
      return Line{};  // identity
  }
}

absl::StatusOr<std::vector<double>> CircleArc(const MiddlePoint& middle, int items_x, int items_y,
                                              bool simplified) {
  const double end_x = items_x, end_y = items_y;
  if (!(middle.x > 0 && middle.x < end_x && middle.y > 0 && middle.y < end_y)) {
    return FailedPrecondition(
        "MIDDLE_POINT_OUTSIDE",
        absl::StrCat("the middle point (", middle.x, ", ", middle.y,
                     ") does not lie between the ends of the scales; circle-arc equating has no "
                     "arc through it, use identity or mean equating"));
  }
  // Both kinds are one circle in a turned frame: u runs along the chord, the arc bulges by `rise`.
  // Simplified: the chord is the x axis after the line is taken off. Otherwise: the line itself.
  const double slope = end_y / end_x;
  const double chord_slope = simplified ? 0 : slope;
  const double scale = std::sqrt(1 + chord_slope * chord_slope);
  const double chord = end_x * scale;
  const double off = middle.y - slope * middle.x;
  const double rise = off / scale;
  const double along = (middle.x + chord_slope * middle.y) / scale;
  const double half = 0.5 * chord;
  const auto not_monotone = [] {
    return FailedPrecondition(
        "CIRCLE_ARC_NOT_MONOTONE",
        "the middle point lies so far from the line between the ends that the arc turns back; use "
        "mean or linear equating, and check the forms");
  };
  std::vector<double> equated(static_cast<size_t>(items_x) + 1);
  // (u - half)^2 + (h - center)^2 = half^2 + center^2 goes through both ends. With q below, the
  // height is q / (sqrt(center^2 + q) - center): no digits lost as the arc flattens.
  const double q_middle = half * half - (along - half) * (along - half);
  const bool flat = std::abs(rise) < 1e-14 * chord;
  const double center = flat ? 0 : (rise * rise - q_middle) / (2 * rise);
  if (!flat && center * rise > 0) return not_monotone();  // more than half a circle
  for (size_t i = 0; i < equated.size(); ++i) {
    const auto x = static_cast<double>(i);
    if (flat) {
      equated[i] = slope * x;
      continue;
    }
    const double sign = rise > 0 ? 1 : -1;
    if (simplified) {
      const double q = half * half - (x - half) * (x - half);
      equated[i] = slope * x + sign * q / (std::sqrt(center * center + q) + std::abs(center));
      continue;
    }
    // The point of the circle above x. In the plane its centre is (cx, cy).
    const double cx = (half - center * chord_slope) / scale;
    const double cy = (half * chord_slope + center) / scale;
    const double radius2 = half * half + center * center;
    const double across = radius2 - (x - cx) * (x - cx);
    if (across < 0) return not_monotone();
    equated[i] = cy + sign * std::sqrt(across);
  }
  for (size_t i = 1; i < equated.size(); ++i) {
    if (!(equated[i] >= equated[i - 1])) return not_monotone();
  }
  return equated;
}

absl::StatusOr<std::vector<double>> MomentTable(const MomentSetting& setting, const JointMoments& x,
                                                const JointMoments& y) {
  if (setting.method == Method::kCircleArc) {
    const auto middle = MiddlePointOf(setting, x, y);
    if (!middle.ok()) return middle.status();
    return CircleArc(*middle, setting.items_x, setting.items_y);
  }
  const auto line = LineOf(setting, x, y);
  if (!line.ok()) return line.status();
  std::vector<double> equated(static_cast<size_t>(setting.items_x) + 1);
  for (size_t i = 0; i < equated.size(); ++i) equated[i] = (*line)(static_cast<double>(i));
  return equated;
}

}  // namespace invigil::scoring::equating
