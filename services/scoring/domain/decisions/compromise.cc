#include "services/scoring/domain/decisions/compromise.h"

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

// Entry k is the share of candidates at or above k.
absl::StatusOr<std::vector<double>> PassCurve(std::span<const double> scores, int max) {
  if (max < 1) return InvalidArgument("SCALE_INVALID", "the greatest score must be 1 or more");
  if (scores.empty()) return InvalidArgument("SCORES_EMPTY", "give the candidates' scores");
  std::vector<double> curve(static_cast<size_t>(max) + 1, 0);
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!(scores[i] >= 0 && scores[i] <= max) || scores[i] != std::floor(scores[i])) {
      return InvalidArgument("SCORE_OUTSIDE_SCALE", "score " + std::to_string(i + 1) +
                                                        " is not a whole number from 0 to " +
                                                        std::to_string(max));
    }
    ++curve[static_cast<size_t>(scores[i])];
  }
  double above = 0;
  for (size_t k = curve.size(); k-- > 0;) {
    above += curve[k];
    curve[k] = above / static_cast<double>(scores.size());
  }
  return curve;
}

double At(const std::vector<double>& curve, double cut) {
  const auto k = static_cast<size_t>(cut);
  if (k + 1 >= curve.size()) return curve.back();
  return curve[k] + (cut - static_cast<double>(k)) * (curve[k + 1] - curve[k]);
}

// Where a x + b y = c meets the curve between `low` and `high`, or nullopt. The left side minus c
// must not fall along the curve's other direction twice, which holds for lines that rise in cut and
// pass rate: the curve falls.
std::optional<double> Cross(const std::vector<double>& curve, double a, double b, double c,
                            double low, double high) {
  const auto side = [&](double x) { return a * x - b * At(curve, x) - c; };
  double left = side(low), right = side(high);
  constexpr double kTouch = 1e-12;
  if (std::abs(left) <= kTouch) return low;
  if (std::abs(right) <= kTouch) return high;
  if ((left < 0) == (right < 0)) return std::nullopt;
  for (int i = 0; i < 200 && high - low > 1e-13 * (1 + high); ++i) {
    const double middle = 0.5 * (low + high);
    const double value = side(middle);
    ((value < 0) == (left < 0) ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

absl::StatusOr<Compromise> Beuk(std::span<const BeukJudgement> judgements,
                                std::span<const double> scores, int max) {
  const auto curve = PassCurve(scores, max);
  if (!curve.ok()) return curve.status();
  if (judgements.size() < 2) {
    return InvalidArgument("JUDGEMENTS_EMPTY", "give the judgements of two judges or more");
  }
  const auto n = static_cast<double>(judgements.size());
  Compromise result;
  for (const BeukJudgement& judgement : judgements) {
    if (!(judgement.cut >= 0 && judgement.cut <= max) ||
        !(judgement.pass_rate >= 0 && judgement.pass_rate <= 1)) {
      return InvalidArgument("JUDGEMENT_RANGE",
                             "judge " + judgement.judge +
                                 " needs a cut on the scale and a pass rate from "
                                 "0 to 1");
    }
    result.mean_cut += judgement.cut / n;
    result.mean_pass_rate += judgement.pass_rate / n;
  }
  double cuts = 0, rates = 0;
  for (const BeukJudgement& judgement : judgements) {
    cuts += (judgement.cut - result.mean_cut) * (judgement.cut - result.mean_cut);
    rates += (judgement.pass_rate - result.mean_pass_rate) *
             (judgement.pass_rate - result.mean_pass_rate);
  }
  const double sd_cut = std::sqrt(cuts / (n - 1)), sd_rate = std::sqrt(rates / (n - 1));
  if (!(sd_cut > 1e-12) && !(sd_rate > 1e-12)) {
    return FailedPrecondition(
        "BEUK_NO_SPREAD",
        "every judge gave the same cut and pass rate; there is no way to weigh "
        "one against the other");
  }
  result.slope = sd_cut > 1e-12 ? sd_rate / sd_cut : std::numeric_limits<double>::infinity();
  // sd_rate (x - mean) - sd_cut (y - mean) = 0; rises with x and falls with y.
  const double level = sd_rate * result.mean_cut - sd_cut * result.mean_pass_rate;
  const auto cut = Cross(*curve, sd_rate, sd_cut, level, 0, max);
  if (!cut) {
    return FailedPrecondition("COMPROMISE_NO_CROSSING",
                              "the judges' line meets the candidates' pass rates nowhere on the "
                              "scale; review the expected pass rates");
  }
  result.cut = *cut;
  result.pass_rate = At(*curve, *cut);
  return result;
}

absl::StatusOr<Compromise> Hofstee(std::span<const HofsteeJudgement> judgements,
                                   std::span<const double> scores, int max) {
  const auto curve = PassCurve(scores, max);
  if (!curve.ok()) return curve.status();
  if (judgements.empty()) return InvalidArgument("JUDGEMENTS_EMPTY", "give a judgement");
  const auto n = static_cast<double>(judgements.size());
  Compromise result;
  for (const HofsteeJudgement& judgement : judgements) {
    const bool good = judgement.least_cut >= 0 && judgement.least_cut <= judgement.greatest_cut &&
                      judgement.greatest_cut <= max && judgement.least_fail_rate >= 0 &&
                      judgement.least_fail_rate <= judgement.greatest_fail_rate &&
                      judgement.greatest_fail_rate <= 1;
    if (!good) {
      return InvalidArgument(
          "JUDGEMENT_RANGE",
          "judge " + judgement.judge +
              " needs cuts on the scale and fail rates from 0 to 1, each least at "
              "most its greatest");
    }
    result.least_cut += judgement.least_cut / n;
    result.greatest_cut += judgement.greatest_cut / n;
    result.least_fail_rate += judgement.least_fail_rate / n;
    result.greatest_fail_rate += judgement.greatest_fail_rate / n;
  }
  // The diagonal fail(k) from (least cut, greatest rate) to (greatest cut, least rate): with the
  // pass rate y = 1 - fail it rises in k.
  const double width = result.greatest_cut - result.least_cut;
  const double height = result.greatest_fail_rate - result.least_fail_rate;
  const double level = height * result.least_cut - width * (1 - result.greatest_fail_rate);
  const auto cut = Cross(*curve, height, width, level, result.least_cut, result.greatest_cut);
  if (!cut) {
    const bool easy = 1 - At(*curve, result.greatest_cut) < result.least_fail_rate;
    return FailedPrecondition("COMPROMISE_NO_CROSSING",
                              std::string("the candidates' curve misses the judges' bounds: ") +
                                  (easy ? "even the greatest cut fails fewer than they ask"
                                        : "even the least cut fails more than they allow") +
                                  "; the bounds must be set anew");
  }
  result.cut = *cut;
  result.pass_rate = At(*curve, *cut);
  return result;
}

}  // namespace invigil::scoring
