// Distribution functions the rooms of this folder share. Pure; any thread.
#pragma once

namespace invigil::scoring {

// ln of the gamma function, x above 0. std::lgamma writes a global; this does not.
double LogGamma(double x);

double NormalDensity(double z);
// P(Z <= z) of the standard normal; both tails keep their digits.
double NormalCumulative(double z);
// The z with NormalCumulative(z) = p, to about 1e-12; -inf at 0, +inf at 1, NaN outside.
double NormalQuantile(double p);

// P(X > x) of chi-square with `df` degrees of freedom, df above 0; 1 for x at or below 0. Series
// and continued fraction of the incomplete gamma function (DLMF 8.7.1, 8.9.2), to about 1e-13.
double ChiSquareSurvival(double x, double df);

// Regularized incomplete beta function I_x(a, b), a and b above 0, by its continued fraction (DLMF
// 8.17.22), to about 1e-13 (a and b up to some 1e5).
double IncompleteBeta(double a, double b, double x);

// P(X >= successes) of n trials with probability p.
double BinomialUpperTail(int successes, int n, double p);

}  // namespace invigil::scoring
