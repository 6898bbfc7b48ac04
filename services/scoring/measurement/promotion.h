// Whether pretest items have proven themselves: the thresholds of a promotion. Pure.
#pragma once

#include <string>
#include <vector>

#include "invigil/scoring/v1/measurement.pb.h"

namespace invigil::scoring {

// Every 0 replaced by its default.
v1::PromotionThresholds WithDefaults(v1::PromotionThresholds thresholds);

// The verdict on an item of a calibration. `model` is the calibration's, `thresholds` are whole;
// `sign_off` lets fewer answers through, down to the least that can be signed off.
v1::ItemVerdict Judge(const v1::CalibratedItem& item, v1::CalibrationModel model,
                      const v1::PromotionThresholds& thresholds, bool sign_off);

}  // namespace invigil::scoring
