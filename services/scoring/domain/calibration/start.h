// Where the climb begins. Inside this room.
#pragma once

#include <vector>

#include "services/scoring/domain/calibration/calibration.h"
#include "services/scoring/domain/calibration/design.h"

namespace invigil::scoring {

// Slopes and intercepts as if the share of right answers on the presented items were the ability:
// the biserial correlation r gives a slope 1.7 r / sqrt(1 - r^2) (Lord 1980, eq. 3-9), bounded to
// [0.3, 2.5]. Slopes are 1 for the models without one per item; fixed items keep their parameters.
std::vector<ItemCurve> StartingCurves(const ResponseView& responses, const ItemCounts& counts,
                                      const CalibrationOptions& options);

}  // namespace invigil::scoring
