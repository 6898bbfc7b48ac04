// From a panel's judgements to a cut on the exam's base form, with its error. The mathematics is
// domain/decisions.
#pragma once

#include "absl/status/statusor.h"
#include "invigil/itembank/v1/statistics.pb.h"
#include "invigil/scoring/v1/measurement.pb.h"
#include "services/scoring/measurement/dataset.h"

namespace invigil::scoring {

// The cut is found on the items that were judged, carried to the ability it stands for, and from
// there to the number correct expected on the base form. Compromises are against the number correct
// of the exam's scored sessions. Errors: those of Angoff and Bookmark; FAILED_PRECONDITION
// (EXAM_WITHOUT_STANDARD, ITEM_WITHOUT_PARAMETERS naming the item, STANDARD_UNREACHABLE: no ability
// gives the cut).
absl::StatusOr<v1::StandardSettingResult> RunStandardSetting(
    const v1::StandardSettingRecord& record, const itembank::v1::ListItemStatisticsResponse& bank,
    const Dataset& candidates);

std::string DigestOf(v1::StandardSettingResult result, const v1::StandardSettingRecord& record);

}  // namespace invigil::scoring
