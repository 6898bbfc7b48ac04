#include "services/scoring/domain/linking/drift.h"

#include <algorithm>
#include <cmath>

namespace invigil::scoring::linking {
namespace {

// Quantile with linear interpolation between order statistics (type 7 of Hyndman & Fan 1996).
double Quantile(const std::vector<double>& sorted, double p) {
  const double at = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[below + 1] - sorted[below]);
}

// y = intercept + slope x along the longest axis of the points.
struct Axis {
  double intercept = 0, slope = 1;
  double Distance(double x, double y) const {
    return (slope * x - y + intercept) / std::sqrt(1 + slope * slope);
  }
};

std::optional<Axis> PrincipalAxis(const std::vector<CommonItem>& items) {
  double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
  for (const CommonItem& item : items) {
    mean_x += item.from.difficulty / static_cast<double>(items.size());
    mean_y += item.to.difficulty / static_cast<double>(items.size());
  }
  for (const CommonItem& item : items) {
    const double x = item.from.difficulty - mean_x, y = item.to.difficulty - mean_y;
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  if (!(xy > 0)) return std::nullopt;  // no axis that rises
  const double slope = (yy - xx + std::sqrt((yy - xx) * (yy - xx) + 4 * xy * xy)) / (2 * xy);
  return Axis{mean_y - slope * mean_x, slope};
}

void Describe(std::span<const CommonItem> items, const std::vector<CommonItem>& kept,
              const DriftRule& rule, DriftScreening& screening) {
  const ScaleTransformation& link = screening.link.link;
  const auto displacement = [&](const CommonItem& item) {
    return link.a * item.from.difficulty + link.b - item.to.difficulty;
  };
  std::vector<double> sorted;
  for (const CommonItem& item : kept) sorted.push_back(displacement(item));
  std::sort(sorted.begin(), sorted.end());
  const double median = Quantile(sorted, 0.5);
  const double spread = 0.74 * (Quantile(sorted, 0.75) - Quantile(sorted, 0.25));

  const std::optional<Axis> axis = kept.size() > 2 ? PrincipalAxis(kept) : std::nullopt;
  double deviation = 0;
  if (axis) {
    for (const CommonItem& item : kept) {
      const double d = axis->Distance(item.from.difficulty, item.to.difficulty);
      deviation += d * d;
    }
    deviation = std::sqrt(deviation / static_cast<double>(kept.size() - 1));
  }
  for (size_t i = 0; i < items.size(); ++i) {
    AnchorDrift& anchor = screening.anchors[i];
    anchor.displacement = displacement(items[i]);
    anchor.robust_z.reset();
    anchor.distance.reset();
    if (spread > 1e-9) anchor.robust_z = (anchor.displacement - median) / spread;
    if (axis && deviation > 1e-9) {
      anchor.distance =
          axis->Distance(items[i].from.difficulty, items[i].to.difficulty) / deviation;
    }
    const double moved = std::abs(anchor.displacement);
    const bool stands_out = (anchor.robust_z && std::abs(*anchor.robust_z) > rule.robust_z) ||
                            (anchor.distance && std::abs(*anchor.distance) > rule.distance);
    anchor.drifts = moved > rule.displacement || (moved > rule.notable && stands_out);
  }
}

}  // namespace

absl::StatusOr<DriftScreening> ScreenAnchors(LinkMethod method, std::span<const CommonItem> items,
                                             const AbilityNodes& nodes, const DriftRule& rule) {
  DriftScreening screening{.anchors = std::vector<AnchorDrift>(items.size())};
  const auto share =
      static_cast<size_t>(std::ceil(rule.keep_share * static_cast<double>(items.size()) - 1e-9));
  const size_t bound = std::max(share, std::min(items.size(), rule.keep_at_least));
  for (int round = 1;; ++round) {
    std::vector<CommonItem> kept;
    for (size_t i = 0; i < items.size(); ++i) {
      if (!screening.anchors[i].removed) kept.push_back(items[i]);
    }
    const auto link = Link(method, kept, nodes);
    if (!link.ok()) return link.status();
    screening.link = *link;
    screening.kept = kept.size();
    Describe(items, kept, rule, screening);
    AnchorDrift* worst = nullptr;
    for (AnchorDrift& anchor : screening.anchors) {
      if (anchor.removed || !anchor.drifts) continue;
      if (!worst || std::abs(anchor.displacement) > std::abs(worst->displacement)) worst = &anchor;
    }
    if (!worst) return screening;
    if (kept.size() <= bound) {
      screening.stopped_at_bound = true;
      return screening;
    }
    worst->removed = true;
    worst->round = round;
  }
}

}  // namespace invigil::scoring::linking
