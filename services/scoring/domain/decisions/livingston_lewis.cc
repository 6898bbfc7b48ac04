#include "services/scoring/domain/decisions/livingston_lewis.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "common/error/error.h"
#include "services/scoring/domain/numerics/distributions.h"
#include "services/scoring/domain/numerics/integrate.h"

namespace invigil::scoring {
namespace {

absl::Status Check(const LivingstonLewisInput& input) {
  if (!(std::isfinite(input.min) && std::isfinite(input.max) && input.min < input.max)) {
    return InvalidArgument("SCALE_INVALID", "the least score must be below the greatest");
  }
  if (input.scores.size() < 2) return InvalidArgument("SCORES_EMPTY", "give two scores or more");
  for (size_t i = 0; i < input.scores.size(); ++i) {
    if (!(input.scores[i] >= input.min && input.scores[i] <= input.max)) {
      return InvalidArgument("SCORE_OUTSIDE_SCALE", "score " + std::to_string(i + 1) +
                                                        " does not lie between the least and the "
                                                        "greatest score");
    }
  }
  if (!(input.reliability > 0 && input.reliability < 1)) {
    return InvalidArgument("RELIABILITY_INVALID", "the reliability must lie between 0 and 1");
  }
  if (!(input.cut > input.min && input.cut <= input.max)) {
    return InvalidArgument("CUT_OUTSIDE_SCALE",
                           "the cut must lie above the least and at most at the greatest score");
  }
  return absl::OkStatus();
}

// Raw moments 1 to 4 of true proportions, from factorial moments of scores on a scale of n binomial
// items (Lord 1965).
struct Moments {
  double m[5] = {1, 0, 0, 0, 0};
};

Moments TrueMoments(const LivingstonLewisInput& input, double n) {
  Moments moments;
  for (double score : input.scores) {
    const double x = (score - input.min) / (input.max - input.min) * n;
    double falling = 1;
    for (int r = 1; r <= 4; ++r) {
      falling *= x - (r - 1);
      moments.m[r] += falling;
    }
  }
  double falling = static_cast<double>(input.scores.size());
  for (int r = 1; r <= 4; ++r) {
    falling *= n - (r - 1);
    moments.m[r] /= falling;
  }
  return moments;
}

double Variance(const Moments& t) { return t.m[2] - t.m[1] * t.m[1]; }

std::optional<TrueScores> FitTwo(const Moments& t) {
  const double variance = Variance(t), mean = t.m[1];
  const double sum = mean * (1 - mean) / variance - 1;
  if (!(variance > 0) || !(sum > 0) || !(mean > 0 && mean < 1)) return std::nullopt;
  return TrueScores{mean * sum, (1 - mean) * sum, 0, 1};
}

// Shape from skewness and kurtosis, place from mean and variance (Hanson 1991).
std::optional<TrueScores> FitFour(const Moments& t) {
  const double variance = Variance(t), mean = t.m[1];
  if (!(variance > 0)) return std::nullopt;
  const double deviation = std::sqrt(variance);
  const double third = t.m[3] - 3 * mean * t.m[2] + 2 * mean * mean * mean;
  const double fourth =
      t.m[4] - 4 * mean * t.m[3] + 6 * mean * mean * t.m[2] - 3 * mean * mean * mean * mean;
  const double skewness = third / (variance * deviation), kurtosis = fourth / (variance * variance);
  const double squared = skewness * skewness;
  const double r = 6 * (kurtosis - squared - 1) / (6 + 3 * squared - 2 * kurtosis);
  const double under = 1 - 24 * (r + 1) / ((r + 2) * (r + 3) * kurtosis - 3 * (r + 1) * (r - 6));
  if (!(r > 0) || !(under >= 0)) return std::nullopt;
  const double tilt = skewness < 0 ? std::sqrt(under) : -std::sqrt(under);
  TrueScores fit{r / 2 * (1 + tilt), r / 2 * (1 - tilt)};
  if (!(fit.alpha > 0 && fit.beta > 0)) return std::nullopt;
  const double stretch = deviation * std::sqrt((r + 1) / (fit.alpha * fit.beta));
  fit.low = mean - fit.alpha * stretch;
  fit.high = mean + fit.beta * stretch;
  if (!(fit.low >= 0 && fit.high <= 1 && fit.low < fit.high)) return std::nullopt;
  return fit;
}

// Cells of true by observed, and of observed by observed.
struct Cells {
  double true_pass = 0, pass_of_true_pass = 0, pass_of_true_fail = 0, both_pass = 0;
};

Cells Integrals(const TrueScores& t, int n, int least, double cut) {
  const double width = t.high - t.low;
  const double scale = std::exp(LogGamma(t.alpha + t.beta) - LogGamma(t.alpha) - LogGamma(t.beta));
  const double middle = std::clamp(cut, t.low, t.high);
  Cells cells;
  // The distances from the far ends keep their digits, so that shapes below 1 integrate well.
  for (const bool pass : {false, true}) {
    const double low = pass ? middle : t.low, high = pass ? t.high : middle;
    const auto density = [&](double from_low, double to_high) {
      const double left = ((pass ? middle - t.low : 0) + from_low) / width;
      const double right = ((pass ? 0 : t.high - middle) + to_high) / width;
      return scale / width * std::pow(left, t.alpha - 1) * std::pow(right, t.beta - 1);
    };
    const double passing = Integrate(low, high, [&](double x, double a, double b) {
      return density(a, b) * BinomialUpperTail(least, n, x);
    });
    (pass ? cells.pass_of_true_pass : cells.pass_of_true_fail) = passing;
    cells.both_pass += Integrate(low, high, [&](double x, double a, double b) {
      const double tail = BinomialUpperTail(least, n, x);
      return density(a, b) * tail * tail;
    });
  }
  cells.true_pass = 1 - IncompleteBeta(t.alpha, t.beta, (middle - t.low) / width);
  return cells;
}

Classification Classify(const Cells& cells) {
  const double pass = cells.pass_of_true_pass + cells.pass_of_true_fail;
  Classification c;
  c.false_positive = cells.pass_of_true_fail;
  c.false_negative = std::max(0.0, cells.true_pass - cells.pass_of_true_pass);
  c.accuracy = 1 - c.false_positive - c.false_negative;
  // Pass and fail in either order: 2 (pass - both).
  c.consistency = 1 - 2 * (pass - cells.both_pass);
  c.observed = {1 - pass, pass};
  c.true_share = {1 - cells.true_pass, cells.true_pass};
  c.chance_consistency = pass * pass + (1 - pass) * (1 - pass);
  const double room = 1 - c.chance_consistency;
  if (room > 1e-12) c.kappa = (c.consistency - c.chance_consistency) / room;
  return c;
}

}  // namespace

absl::StatusOr<LivingstonLewisResult> LivingstonLewis(const LivingstonLewisInput& input) {
  INVIGIL_RETURN_IF_ERROR(Check(input));
  const auto count = static_cast<double>(input.scores.size());
  double mean = 0, variance = 0;
  for (double score : input.scores) mean += score / count;
  for (double score : input.scores) variance += (score - mean) * (score - mean) / (count - 1);
  if (!(variance > 0)) {
    return FailedPrecondition("SCORES_WITHOUT_VARIANCE",
                              "every score is the same; there is nothing "
                              "to tell apart");
  }
  LivingstonLewisResult result{.model = input.model};
  result.effective_length =
      ((mean - input.min) * (input.max - mean) - input.reliability * variance) /
      (variance * (1 - input.reliability));
  const double n = result.effective_length;
  if (!(n >= 2 && n <= 1e6)) {
    return FailedPrecondition("MOMENTS_INVALID",
                              "the effective test length would be " + std::to_string(n) +
                                  "; the reliability and the scores contradict each other");
  }
  result.rounded_length = static_cast<int>(std::lround(n));
  const Moments moments = TrueMoments(input, n);
  std::optional<TrueScores> fit;
  if (input.model == TrueScoreModel::kFourParameter) {
    if (n > 3) fit = FitFour(moments);
    if (!fit) {
      result.fallback = "four moments give no true-score distribution inside the scale";
      result.model = TrueScoreModel::kTwoParameter;
    }
  }
  if (!fit) fit = FitTwo(moments);
  if (!fit) {
    return FailedPrecondition("MOMENTS_INVALID",
                              "no beta distribution has the mean and variance of the true scores; "
                              "the reliability and the scores contradict each other");
  }
  result.true_scores = *fit;
  const double cut = (input.cut - input.min) / (input.max - input.min);
  const int least = static_cast<int>(std::ceil(cut * result.rounded_length - 1e-9));
  result.classification = Classify(Integrals(*fit, result.rounded_length, least, cut));
  return result;
}

}  // namespace invigil::scoring
