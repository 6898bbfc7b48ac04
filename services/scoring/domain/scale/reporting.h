// From the unrounded scale to what is stored and printed: one rounding, held inside the scale,
// never against the decision.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/scoring/domain/scale/scale_map.h"

namespace invigil::scoring {

// Floating point may leave 699.9999999996 where exact arithmetic gives 700; within this of a value
// is the value, on the base form's number correct and before rounding.
inline constexpr double kScaleGuard = 1e-9;

enum class Rounding {
  kHalfUp,    // nearest, halves up: the usual rule of exams
  kHalfEven,  // nearest, halves to the even step, as some statistics programs have it
  kDown,      // the fraction is cut off
  kUp,
};

// Who gets a number. Without one nothing numeric is stored for display at all.
enum class NumberPolicy { kAlways, kFailOnly, kNever };

struct ReportingScale {
  int32_t min = 0, max = 0;
  std::optional<int32_t> cut;  // unset: a score without pass and fail
  int32_t step = 1;            // printed scores are min, min + step, ...
  Rounding rounding = Rounding::kHalfUp;
  NumberPolicy number = NumberPolicy::kAlways;
};

// Errors, INVALID_ARGUMENT: SCALE_INVALID (min not below max, step not above 0 or max off the
// steps), CUT_OUTSIDE_SCALE (not above min or above max), CUT_OFF_STEP (no printed score is the
// cut).
absl::Status Validate(const ReportingScale& scale);

// What is stored of one score.
struct Reported {
  std::optional<bool> passed;       // unset without a cut
  std::optional<int32_t> printed;   // unset as NumberPolicy says
  std::optional<double> unrounded;  // likewise; at or above the cut exactly when passed
};

// Rounds a number to a step of the scale and holds it inside [min, max].
int32_t RoundToStep(double unrounded, const ReportingScale& scale);

// `from` is what the map takes; `from_cut` is the standard there, needed exactly when the scale has
// a cut: the decision falls on it, unrounded. What passes is printed at the cut or above, what
// fails below. The scale is valid.
// Errors, INVALID_ARGUMENT: SCORE_INVALID (`from` is not a number), CUT_MISSING (only one of the
// two has a cut).
absl::StatusOr<Reported> Report(double from, std::optional<double> from_cut, const ScaleMap& map,
                                const ReportingScale& scale);

// Checks that map and scale agree: the map takes `from_cut` to the cut (within 1e-6), so that no
// band of results is squeezed onto one score. Errors: those of Validate; SCALE_CUT_MISMATCH;
// CUT_MISSING when only one of the two has a cut.
absl::Status CheckAgreement(std::optional<double> from_cut, const ScaleMap& map,
                            const ReportingScale& scale);

// Every whole number correct from 0 to `max_raw`, as it is printed under NumberPolicy::kAlways.
// Errors: those of CheckAgreement; SCALE_INVALID for max_raw 0.
absl::StatusOr<std::vector<Reported>> ReportTable(uint32_t max_raw, std::optional<double> raw_cut,
                                                  const ScaleMap& map, const ReportingScale& scale);

}  // namespace invigil::scoring
