#include "services/scoring/domain/classical/flags.h"

namespace invigil::scoring::classical {
namespace {

// Shares of whole persons, such as 27 of 30, must meet a bound written 0.90.
constexpr double kRounding = 1e-12;

bool Below(double value, double bound) { return value < bound - kRounding; }
bool Above(double value, double bound) { return value > bound + kRounding; }

}  // namespace

std::vector<std::string_view> FlagsOf(const ItemStatistics& item, const FlagRules& rules) {
  std::vector<std::string_view> flags;
  if (Below(item.p, rules.p_hold_low) || Above(item.p, rules.p_hold_high)) {
    flags.push_back(kFlagPHold);
  } else if (Below(item.p, rules.p_review_low) || !Below(item.p, rules.p_review_high)) {
    flags.push_back(kFlagPReview);
  }
  if (item.p <= 0 || item.p >= 1) flags.push_back(kFlagNoVariance);
  if (const auto r = item.corrected_point_biserial) {
    if (Below(*r, rules.correlation_hold)) {
      flags.push_back(kFlagCorrelationHold);
    } else if (Below(*r, rules.correlation_low)) {
      flags.push_back(kFlagCorrelationLow);
    }
  }
  bool positive = false, suspect = false;
  for (const OptionStatistics& option : item.options) {
    if (option.is_key || Below(option.share, rules.distractor_share)) continue;
    if (Above(option.upper_share, item.p_upper)) suspect = true;
    if (!option.point_biserial_rest) continue;
    if (Above(*option.point_biserial_rest, 0)) positive = true;
    if (item.corrected_point_biserial &&
        Above(*option.point_biserial_rest, *item.corrected_point_biserial)) {
      suspect = true;
    }
  }
  if (positive) flags.push_back(kFlagDistractorPositive);
  if (suspect) flags.push_back(kFlagKeySuspect);
  return flags;
}

}  // namespace invigil::scoring::classical
