#include "services/scoring/domain/numerics/integrate.h"

#include <cmath>
#include <numbers>

namespace invigil::scoring {

double Integrate(double low, double high,
                 const std::function<double(double x, double from_low, double to_high)>& f) {
  constexpr double kStep = 1.0 / 32, kEnd = 4;  // beyond, weights are below 1e-30
  if (!(low < high)) return 0;
  const double width = high - low;
  double sum = 0;
  for (int k = -static_cast<int>(kEnd / kStep); k <= static_cast<int>(kEnd / kStep); ++k) {
    const double s = k * kStep;
    // x = low + width / (1 + e^-2u): a logistic, so that both distances are known without loss.
    const double u = 0.5 * std::numbers::pi * std::sinh(s);
    const double to_high = width / (1 + std::exp(2 * u));
    const double from_low = width / (1 + std::exp(-2 * u));
    if (!(to_high > 0) || !(from_low > 0)) continue;
    const double x = u < 0 ? low + from_low : high - to_high;
    const double weight =
        std::numbers::pi * std::cosh(s) * (from_low / width) * (to_high / width) * width;
    if (!(weight > 0)) continue;
    sum += weight * f(x, from_low, to_high);
  }
  return sum * kStep;
}

}  // namespace invigil::scoring
