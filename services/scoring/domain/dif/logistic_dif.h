// Logistic regression for DIF (Swaminathan & Rogers 1990): models with the matching score, with the
// group added (uniform DIF), and with their product added (nonuniform DIF), compared by likelihood
// ratio.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/dif/dif_data.h"
#include "services/scoring/domain/dif/mantel_haenszel.h"

namespace invigil::scoring {

// Which test flags an item and names its effect: group given score (1 degree), product given both
// (1 degree), or group and product together (2 degrees).
enum class LogisticKind { kUniform, kNonuniform, kBoth };

// One fitted model: logit P(right) = intercept + score s + group g + product s g, g = 1 in the
// focal group. Coefficients a model does not have are 0.
struct LogisticModel {
  double deviance = 0;
  double intercept = 0, score = 0, group = 0, product = 0;
  double group_se = 0, product_se = 0;
  bool separated = false;  // a coefficient runs to infinity; the deviance is its limit
};

// Unset values have their reason in `reason`:
//   NO_VARIANCE: everybody answered alike.
//   SCORE_WITHOUT_VARIANCE: the matching score, or the score inside a group, has one value only.
//   SEPARATED: score and group predict some answers with certainty; the chi-squares hold as limits,
//   coefficients and the odds ratio have no finite value.
struct LogisticDifItem {
  std::optional<LogisticModel> score_model, group_model, product_model;
  std::optional<double> chi_uniform, chi_nonuniform, chi_both;  // likelihood ratios
  std::optional<double> p_uniform, p_nonuniform, p_both;
  std::optional<double> chi_square, p_value;  // of the kind asked for
  std::optional<double> odds_ratio;  // reference over focal at equal score, from the group model
  std::optional<double> delta;       // -2.35 ln(odds_ratio)
  std::optional<double> delta_r2;    // gain in Nagelkerke's R^2 (1991) of the kind asked for
  // A below .035 or not significant, B below .07, C from there (Jodoin & Gierl 2001).
  std::optional<DifClass> jodoin_gierl;
  std::optional<DifClass> zumbo_thomas;  // the same with .13 and .26 (Zumbo & Thomas 1997)
  bool flagged = false;
  std::string reason;
};

struct LogisticDifResult {
  std::vector<LogisticDifItem> items;
  Purification purification;
};

// Errors: those of Validate(DifData), Validate(DifOptions) and RunDif.
absl::StatusOr<LogisticDifResult> LogisticDif(const DifData& data, const DifOptions& options,
                                              LogisticKind kind);

}  // namespace invigil::scoring
