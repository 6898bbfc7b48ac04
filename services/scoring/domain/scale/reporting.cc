#include "services/scoring/domain/scale/reporting.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

double Round(double value, Rounding rounding) {
  const double guarded = value + kScaleGuard;
  switch (rounding) {
    case Rounding::kHalfUp:
      return std::floor(value + 0.5 + kScaleGuard);
    case Rounding::kDown:
      return std::floor(guarded);
    case Rounding::kUp:
      return std::ceil(value - kScaleGuard);
    case Rounding::kHalfEven:
      break;
  }
  const double below = std::floor(guarded), fraction = value - below;
  if (std::abs(fraction - 0.5) <= kScaleGuard) {
    return std::fmod(below, 2) == 0 ? below : below + 1;
  }
  return fraction < 0.5 ? below : below + 1;
}

absl::Status CutMissing() {
  return InvalidArgument("CUT_MISSING", "give the cut on both sides of the scale, or on neither");
}

}  // namespace

absl::Status Validate(const ReportingScale& scale) {
  if (!(scale.min < scale.max) || scale.step < 1 ||
      (int64_t{scale.max} - scale.min) % scale.step != 0) {
    return InvalidArgument("SCALE_INVALID",
                           "a scale needs min below max, a step of 1 or more, and max on a step");
  }
  if (!scale.cut) return absl::OkStatus();
  if (*scale.cut <= scale.min || *scale.cut > scale.max) {
    return InvalidArgument("CUT_OUTSIDE_SCALE", "the cut " + std::to_string(*scale.cut) +
                                                    " must lie above " + std::to_string(scale.min) +
                                                    " and at most at " + std::to_string(scale.max));
  }
  if ((int64_t{*scale.cut} - scale.min) % scale.step != 0) {
    return InvalidArgument("CUT_OFF_STEP",
                           "no printed score is " + std::to_string(*scale.cut) + "; move the cut");
  }
  return absl::OkStatus();
}

int32_t RoundToStep(double unrounded, const ReportingScale& scale) {
  // Steps are counted from 0 when min lies on one, so that whole-number scales round the value
  // itself.
  const double offset = scale.min % scale.step, step = scale.step;
  const double held = std::clamp<double>(unrounded, scale.min, scale.max);
  const double rounded = offset + step * Round((held - offset) / step, scale.rounding);
  return static_cast<int32_t>(std::clamp<double>(rounded, scale.min, scale.max));
}

absl::StatusOr<Reported> Report(double from, std::optional<double> from_cut, const ScaleMap& map,
                                const ReportingScale& scale) {
  if (std::isnan(from)) return InvalidArgument("SCORE_INVALID", "the score is not a number");
  if (scale.cut.has_value() != from_cut.has_value()) return CutMissing();
  Reported reported;
  double unrounded = std::clamp<double>(map.At(from), scale.min, scale.max);
  int32_t printed = RoundToStep(unrounded, scale);
  if (scale.cut && from_cut) {
    const bool passed = from >= *from_cut - kScaleGuard;
    const double cut = *scale.cut;
    reported.passed = passed;
    if (passed) {
      unrounded = std::max(unrounded, cut);
      printed = std::max(RoundToStep(unrounded, scale), *scale.cut);
    } else {
      unrounded = std::min(unrounded, std::nextafter(cut, static_cast<double>(scale.min)));
      printed = std::min(RoundToStep(unrounded, scale), *scale.cut - scale.step);
    }
  }
  const bool number = scale.number == NumberPolicy::kAlways ||
                      (scale.number == NumberPolicy::kFailOnly && reported.passed == false);
  if (number) {
    reported.printed = printed;
    reported.unrounded = unrounded;
  }
  return reported;
}

absl::Status CheckAgreement(std::optional<double> from_cut, const ScaleMap& map,
                            const ReportingScale& scale) {
  INVIGIL_RETURN_IF_ERROR(Validate(scale));
  if (scale.cut.has_value() != from_cut.has_value()) return CutMissing();
  if (!scale.cut) return absl::OkStatus();
  const double lands = map.At(*from_cut);
  if (std::abs(lands - *scale.cut) <= 1e-6) return absl::OkStatus();
  return InvalidArgument("SCALE_CUT_MISMATCH",
                         "the scale takes the standard to " + std::to_string(lands) + ", not to " +
                             std::to_string(*scale.cut) + "; put a point at the cut");
}

absl::StatusOr<std::vector<Reported>> ReportTable(uint32_t max_raw, std::optional<double> raw_cut,
                                                  const ScaleMap& map,
                                                  const ReportingScale& scale) {
  INVIGIL_RETURN_IF_ERROR(CheckAgreement(raw_cut, map, scale));
  if (max_raw == 0) return InvalidArgument("SCALE_INVALID", "a form needs a greatest raw score");
  if (raw_cut && !(*raw_cut > 0 && *raw_cut <= max_raw)) {
    return InvalidArgument("CUT_OUTSIDE_SCALE",
                           "the raw cut must lie above 0 and at most at the greatest raw score");
  }
  ReportingScale shown = scale;
  shown.number = NumberPolicy::kAlways;
  std::vector<Reported> table;
  for (uint32_t raw = 0; raw <= max_raw; ++raw) {
    auto row = Report(raw, raw_cut, map, shown);
    if (!row.ok()) return row.status();
    table.push_back(*std::move(row));
  }
  return table;
}

}  // namespace invigil::scoring
