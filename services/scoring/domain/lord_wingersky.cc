#include "services/scoring/domain/lord_wingersky.h"

namespace invigil::scoring {

std::vector<double> NumberCorrectDistribution(std::span<const ItemParameters> items, double theta) {
  std::vector<double> f(items.size() + 1, 0.0);
  f[0] = 1;
  for (size_t j = 0; j < items.size(); ++j) {
    const double p = Probability(items[j], theta);
    // From the top down, so that f[x - 1] is still the value before this item.
    for (size_t x = j + 1; x > 0; --x) f[x] = f[x] * (1 - p) + f[x - 1] * p;
    f[0] *= 1 - p;
  }
  return f;
}

}  // namespace invigil::scoring
