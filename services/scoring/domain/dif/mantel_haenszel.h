// The Mantel-Haenszel test for DIF with the effect classes of ETS.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/dif/dif_data.h"

namespace invigil::scoring {

// Negligible, moderate, large.
enum class DifClass { kA, kB, kC };

// One letter.
std::string NameOf(DifClass c);

// Unset values have their reason in `reason`:
//   NO_VARIANCE: no score level in which both groups and both answers occur; nothing is known.
//   ODDS_RATIO_INFINITE: the common odds ratio is 0 or infinite; the chi-square holds.
struct MantelHaenszelItem {
  std::optional<double> odds_ratio;   // common, reference over focal; above 1 favours the reference
  std::optional<double> ln_variance;  // of its logarithm (Phillips & Holland 1987)
  std::optional<double> delta;        // D-DIF = -2.35 ln(odds ratio); below 0 favours the reference
  std::optional<double> delta_se;     // 2.35 sqrt(ln_variance)
  std::optional<double>
      chi_square;  // one degree, continuity correction 0.5 (Holland & Thayer 1988)
  std::optional<double> chi_square_uncorrected;
  std::optional<double> p_value;  // of the corrected one
  // A: |D| below 1 or not significantly above 0 (by chi_square); C: |D| from 1.5 and significantly
  // above 1 (one-sided 5 % when the significance is 5 %); B: the rest (Zieky 1993).
  std::optional<DifClass> ets_class;
  std::optional<DifClass> effect_class;  // by |D| alone: 1, 1.5
  // Standardized difference in proportion right, focal minus reference, weighted by the focal group
  // (Dorans & Kulick 1986).
  std::optional<double> p_dif;
  bool flagged = false;  // p_value below the significance
  std::string reason;
};

struct MantelHaenszelResult {
  std::vector<MantelHaenszelItem> items;
  Purification purification;
};

// Matches by number correct including the studied item; a score level without both groups says
// nothing. Errors: those of Validate(DifData), Validate(DifOptions) and RunDif.
absl::StatusOr<MantelHaenszelResult> MantelHaenszel(const DifData& data, const DifOptions& options);

}  // namespace invigil::scoring
