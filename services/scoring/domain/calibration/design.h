// Whether data can be calibrated at all. Inside this room.
#pragma once

#include "absl/status/status.h"
#include "services/scoring/domain/calibration/calibration.h"
#include "services/scoring/domain/calibration/patterns.h"

namespace invigil::scoring {

// The shape and values of the matrix. RESPONSES_SHAPE, RESPONSE_NOT_BINARY.
absl::Status CheckMatrix(const ResponseView& responses);

// How often each item was presented and right.
struct ItemCounts {
  std::vector<size_t> presented, right;
};
ItemCounts CountItems(const ResponseView& responses);

// CALIBRATION_EMPTY, CALIBRATION_ONE_ITEM, ITEM_NOT_PRESENTED, ITEM_NO_VARIANCE, FIXED_INVALID,
// FIXED_ALL, DESIGN_DISCONNECTED.
absl::Status CheckDesign(const PackedPatterns& patterns, const ItemCounts& counts,
                         const CalibrationOptions& options);

// "item \"x\"" or "item 3".
std::string ItemName(const CalibrationOptions& options, size_t item);

}  // namespace invigil::scoring
