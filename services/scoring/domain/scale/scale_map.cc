#include "services/scoring/domain/scale/scale_map.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "common/error/error.h"

namespace invigil::scoring {

absl::StatusOr<ScaleMap> ScaleMap::PiecewiseLinear(std::vector<Knot> knots) {
  if (knots.size() < 2) return InvalidArgument("SCALE_KNOTS", "a scale needs two points or more");
  for (size_t i = 0; i < knots.size(); ++i) {
    if (!std::isfinite(knots[i].from) || !std::isfinite(knots[i].to) ||
        (i > 0 && !(knots[i].from > knots[i - 1].from))) {
      return InvalidArgument("SCALE_KNOTS",
                             "point " + std::to_string(i + 1) +
                                 " of the scale is not finite or does not lie beyond "
                                 "the one before");
    }
    if (i > 0 && knots[i].to < knots[i - 1].to) {
      return InvalidArgument("SCALE_NOT_MONOTONE",
                             "the scale falls at point " + std::to_string(i + 1) +
                                 "; a better result must never get a lower score");
    }
  }
  return ScaleMap(std::move(knots));
}

absl::StatusOr<ScaleMap> ScaleMap::Linear(double slope, double intercept) {
  if (std::isfinite(slope) && !(slope > 0)) {
    return InvalidArgument("SCALE_NOT_MONOTONE", "the slope of a scale must be above 0");
  }
  return PiecewiseLinear({{0, intercept}, {1, intercept + slope}});
}

absl::StatusOr<ScaleMap> ScaleMap::Table(std::span<const double> scaled) {
  std::vector<Knot> knots;
  for (size_t x = 0; x < scaled.size(); ++x) knots.push_back({static_cast<double>(x), scaled[x]});
  return PiecewiseLinear(std::move(knots));
}

double ScaleMap::At(double from) const {
  const auto above = std::find_if(knots_.begin() + 1, knots_.end() - 1,
                                  [&](const Knot& knot) { return from < knot.from; });
  const Knot &high = *above, &low = *(above - 1);
  return low.to + (high.to - low.to) * ((from - low.from) / (high.from - low.from));
}

}  // namespace invigil::scoring
