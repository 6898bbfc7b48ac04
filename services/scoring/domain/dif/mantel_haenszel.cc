#include "services/scoring/domain/dif/mantel_haenszel.h"

#include <algorithm>
#include <cmath>

#include "common/error/error.h"
#include "services/scoring/domain/numerics/distributions.h"

namespace invigil::scoring {
namespace {

constexpr double kDelta = 2.35;  // ETS delta units a unit of ln odds
constexpr double kModerate = 1, kLarge = 1.5;

// The 2 x 2 table of one score level.
struct Level {
  double reference_right = 0, reference_wrong = 0, focal_right = 0, focal_wrong = 0;
};

std::vector<Level> LevelsOf(const DifData& data, size_t item, std::span<const int> score) {
  std::vector<Level> levels(data.items + 1);
  for (size_t person = 0; person < data.persons; ++person) {
    Level& level = levels[static_cast<size_t>(score[person])];
    const bool right = data.at(person, item) == 1;
    if (data.focal[person] == 1) {
      ++(right ? level.focal_right : level.focal_wrong);
    } else {
      ++(right ? level.reference_right : level.reference_wrong);
    }
  }
  return levels;
}

DifClass EffectClass(double delta) {
  const double size = std::abs(delta);
  return size < kModerate ? DifClass::kA : size < kLarge ? DifClass::kB : DifClass::kC;
}

DifClass EtsClass(double delta, double delta_se, bool differs, double significance) {
  const double size = std::abs(delta);
  if (size < kModerate || !differs) return DifClass::kA;
  const double critical = NormalQuantile(1 - significance);
  const bool above_one = (size - kModerate) / delta_se > critical;
  return size >= kLarge && above_one ? DifClass::kC : DifClass::kB;
}

MantelHaenszelItem Test(const std::vector<Level>& levels, double significance) {
  double ad = 0, bc = 0;                   // numerator and denominator of the odds ratio
  double away = 0, variance = 0;           // reference right minus expected, and its variance
  double focal = 0, focal_difference = 0;  // of the standardized difference
  for (const Level& level : levels) {
    const double reference = level.reference_right + level.reference_wrong;
    const double in_focal = level.focal_right + level.focal_wrong;
    if (reference == 0 || in_focal == 0) continue;
    const double right = level.reference_right + level.focal_right;
    const double all = reference + in_focal;
    ad += level.reference_right * level.focal_wrong / all;
    bc += level.reference_wrong * level.focal_right / all;
    away += level.reference_right - reference * right / all;
    variance += reference * in_focal * right * (all - right) / (all * all * (all - 1));
    focal += in_focal;
    focal_difference +=
        in_focal * (level.focal_right / in_focal - level.reference_right / reference);
  }
  MantelHaenszelItem item;
  if (!(variance > 0)) {
    item.reason = "NO_VARIANCE";
    return item;
  }
  // A correction for continuity brings nearer to 0, never past it: squared, what lies past it would
  // be evidence out of nothing where the variance is small.
  const double corrected = std::max(0.0, std::abs(away) - 0.5);
  item.chi_square = corrected * corrected / variance;
  item.chi_square_uncorrected = away * away / variance;
  item.p_value = ChiSquareSurvival(*item.chi_square, 1);
  item.flagged = *item.p_value < significance;
  item.p_dif = focal_difference / focal;
  if (!(ad > 0) || !(bc > 0)) {
    item.reason = "ODDS_RATIO_INFINITE";
    return item;
  }
  const double odds = ad / bc;
  double sum = 0;
  for (const Level& level : levels) {
    const double all =
        level.reference_right + level.reference_wrong + level.focal_right + level.focal_wrong;
    if (all == 0) continue;
    sum += (level.reference_right * level.focal_wrong +
            odds * level.reference_wrong * level.focal_right) *
           (level.reference_right + level.focal_wrong +
            odds * (level.reference_wrong + level.focal_right)) /
           (all * all);
  }
  item.odds_ratio = odds;
  item.ln_variance = sum / (2 * ad * ad);
  item.delta = -kDelta * std::log(odds);
  item.delta_se = kDelta * std::sqrt(*item.ln_variance);
  item.effect_class = EffectClass(*item.delta);
  item.ets_class = EtsClass(*item.delta, *item.delta_se, item.flagged, significance);
  return item;
}

}  // namespace

std::string NameOf(DifClass c) { return c == DifClass::kA ? "A" : c == DifClass::kB ? "B" : "C"; }

absl::StatusOr<MantelHaenszelResult> MantelHaenszel(const DifData& data,
                                                    const DifOptions& options) {
  MantelHaenszelResult result;
  result.items.resize(data.items);
  auto purification = RunDif(data, options, [&](size_t item, std::span<const int> score) {
    result.items[item] = Test(LevelsOf(data, item, score), options.significance);
    return result.items[item].flagged;
  });
  if (!purification.ok()) return purification.status();
  result.purification = *std::move(purification);
  return result;
}

}  // namespace invigil::scoring
