#include "services/scoring/domain/numerics/distributions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "services/scoring/domain/numerics/integrate.h"

namespace invigil::scoring {
namespace {

TEST(Normal, KnownValuesAndTails) {
  EXPECT_NEAR(NormalCumulative(1.959963984540054), 0.975, 1e-15);
  EXPECT_NEAR(NormalCumulative(-8) / 6.220960574271785e-16, 1, 1e-12);
  EXPECT_NEAR(NormalDensity(0), 0.3989422804014327, 1e-16);
}

TEST(Normal, TheQuantileUndoesTheCumulative) {
  for (double p : {1e-300, 1e-20, 1e-6, 0.001, 0.05, 0.3, 0.31, 0.5, 0.7, 0.975, 0.999999}) {
    EXPECT_NEAR(NormalCumulative(NormalQuantile(p)) / p, 1, 1e-10) << p;
  }
  EXPECT_NEAR(NormalQuantile(0.95), 1.6448536269514722, 1e-12);
  EXPECT_TRUE(std::isinf(NormalQuantile(0)));
  EXPECT_TRUE(std::isinf(NormalQuantile(1)));
  EXPECT_TRUE(std::isnan(NormalQuantile(-0.1)));
  EXPECT_TRUE(std::isnan(NormalQuantile(std::numeric_limits<double>::quiet_NaN())));
}

TEST(ChiSquare, KnownValues) {
  EXPECT_NEAR(ChiSquareSurvival(3.841458820694124, 1), 0.05, 1e-13);
  EXPECT_NEAR(ChiSquareSurvival(5.991464547107979, 2), 0.05, 1e-13);
  EXPECT_NEAR(ChiSquareSurvival(18.307038053275146, 10), 0.05, 1e-13);
  for (double x : {0.01, 0.5, 2.0, 30.0}) {  // closed forms of one and two degrees
    EXPECT_NEAR(ChiSquareSurvival(x, 2), std::exp(-x / 2), 1e-14);
    EXPECT_NEAR(ChiSquareSurvival(x, 1), std::erfc(std::sqrt(x / 2)), 1e-14);
  }
  EXPECT_EQ(ChiSquareSurvival(0, 3), 1);
  EXPECT_EQ(ChiSquareSurvival(-1, 3), 1);
}

TEST(IncompleteBeta, IsTheBinomialTail) {
  for (int n : {1, 7, 64, 900}) {
    for (double p : {0.01, 0.37, 0.5, 0.93}) {
      double tail = 0;
      for (int x = n; x >= 0; --x) {
        tail += std::exp(LogGamma(n + 1) - LogGamma(x + 1) - LogGamma(n - x + 1) + x * std::log(p) +
                         (n - x) * std::log1p(-p));
        EXPECT_NEAR(BinomialUpperTail(x, n, p), tail, 1e-11) << n << " " << p << " " << x;
      }
    }
  }
  EXPECT_EQ(BinomialUpperTail(0, 5, 0.2), 1);
  EXPECT_EQ(BinomialUpperTail(6, 5, 0.2), 0);
}

TEST(IncompleteBeta, SymmetryAndEnds) {
  for (double a : {0.3, 1.0, 4.5, 200.0}) {
    for (double b : {0.7, 2.0, 90.0}) {
      for (double x : {0.001, 0.2, 0.5, 0.97}) {
        EXPECT_NEAR(IncompleteBeta(a, b, x), 1 - IncompleteBeta(b, a, 1 - x), 1e-12);
      }
    }
  }
  EXPECT_EQ(IncompleteBeta(2, 3, 0), 0);
  EXPECT_EQ(IncompleteBeta(2, 3, 1), 1);
}

TEST(Integrate, SmoothAndSingularEnds) {
  EXPECT_NEAR(Integrate(0, 2, [](double x, double, double) { return x * x; }), 8.0 / 3, 1e-12);
  // x^-1/2 and (1 - x)^-0.7: infinite at an end, finite in sum.
  EXPECT_NEAR(Integrate(0, 1, [](double, double low, double) { return 1 / std::sqrt(low); }), 2,
              1e-8);
  EXPECT_NEAR(Integrate(3, 4, [](double, double, double high) { return std::pow(high, -0.7); }),
              1 / 0.3, 1e-6);
  EXPECT_EQ(Integrate(1, 1, [](double, double, double) { return 1.0; }), 0);
}

TEST(Integrate, TheBetaDensityGivesTheIncompleteBeta) {
  const double a = 0.6, b = 3.2;
  const double scale = std::exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b));
  const double part = Integrate(0, 0.3, [&](double x, double low, double) {
    return scale * std::pow(low, a - 1) * std::pow(1 - x, b - 1);
  });
  EXPECT_NEAR(part, IncompleteBeta(a, b, 0.3), 1e-9);
}

}  // namespace
}  // namespace invigil::scoring
