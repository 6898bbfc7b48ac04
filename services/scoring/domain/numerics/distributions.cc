#include "services/scoring/domain/numerics/distributions.h"

#include <math.h>  // lgamma_r

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace invigil::scoring {
namespace {

constexpr double kSmallest = 1e-300;  // keeps a continued fraction from dividing by 0
constexpr double kPrecision = 1e-16;
constexpr int kMostTerms = 100'000;

// The lower incomplete gamma function P(a, x) by its power series; for x below a + 1.
double GammaSeries(double a, double x) {
  double term = 1 / a, sum = term;
  for (int n = 1; n < kMostTerms && std::abs(term) > kPrecision * std::abs(sum); ++n) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * std::exp(-x + a * std::log(x) - LogGamma(a));
}

// The upper one Q(a, x) by its continued fraction (modified Lentz); for x from a + 1.
double GammaFraction(double a, double x) {
  double b = x + 1 - a, c = 1 / kSmallest, d = 1 / b, h = d;
  for (int n = 1; n < kMostTerms; ++n) {
    const double numerator = -n * (n - a);
    b += 2;
    d = numerator * d + b;
    if (std::abs(d) < kSmallest) d = kSmallest;
    c = b + numerator / c;
    if (std::abs(c) < kSmallest) c = kSmallest;
    d = 1 / d;
    const double factor = d * c;
    h *= factor;
    if (std::abs(factor - 1) < kPrecision) break;
  }
  return h * std::exp(-x + a * std::log(x) - LogGamma(a));
}

// The continued fraction of I_x(a, b); converges fast for x below (a + 1) / (a + b + 2).
double BetaFraction(double a, double b, double x) {
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  if (std::abs(d) < kSmallest) d = kSmallest;
  d = 1 / d;
  double h = d;
  for (int m = 1; m < kMostTerms; ++m) {
    for (const bool even : {true, false}) {
      const double numerator = even ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                                    : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
      d = 1 + numerator * d;
      if (std::abs(d) < kSmallest) d = kSmallest;
      c = 1 + numerator / c;
      if (std::abs(c) < kSmallest) c = kSmallest;
      d = 1 / d;
      h *= d * c;
    }
    if (std::abs(d * c - 1) < kPrecision) break;
  }
  return h;
}

}  // namespace

double LogGamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

double NormalDensity(double z) {
  return std::exp(-0.5 * z * z) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

double NormalCumulative(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double NormalQuantile(double p) {
  if (std::isnan(p) || p < 0 || p > 1) return std::numeric_limits<double>::quiet_NaN();
  if (p == 0) return -std::numeric_limits<double>::infinity();
  if (p == 1) return std::numeric_limits<double>::infinity();
  if (p > 0.5) return -NormalQuantile(1 - p);
  // A start from the tail's asymptote, then Newton on ln P, which is concave: it can't overshoot
  // far.
  const double tail = std::sqrt(-2 * std::log(p));
  double z = p > 0.3 ? (p - 0.5) * 2.5 : -tail + (std::log(tail) + 0.92) / tail;
  for (int i = 0; i < 60; ++i) {
    const double below = NormalCumulative(z);
    const double step = (std::log(below) - std::log(p)) * below / NormalDensity(z);
    z -= std::clamp(step, -1.0, 1.0);
    if (std::abs(step) < 1e-14 * (1 + std::abs(z))) break;
  }
  return z;
}

double ChiSquareSurvival(double x, double df) {
  if (std::isnan(x)) return x;
  if (!(x > 0)) return 1;
  if (std::isinf(x)) return 0;
  const double a = df / 2, half = x / 2;
  return half < a + 1 ? 1 - GammaSeries(a, half) : GammaFraction(a, half);
}

double IncompleteBeta(double a, double b, double x) {
  if (!(x > 0)) return 0;
  if (!(x < 1)) return 1;
  const double front =
      std::exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + a * std::log(x) + b * std::log1p(-x));
  const double value = x < (a + 1) / (a + b + 2) ? front * BetaFraction(a, b, x) / a
                                                 : 1 - front * BetaFraction(b, a, 1 - x) / b;
  return std::clamp(value, 0.0, 1.0);
}

double BinomialUpperTail(int successes, int n, double p) {
  if (successes <= 0) return 1;
  if (successes > n) return 0;
  return IncompleteBeta(successes, n - successes + 1, p);
}

}  // namespace invigil::scoring
