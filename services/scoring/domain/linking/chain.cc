#include "services/scoring/domain/linking/chain.h"

#include <cmath>

namespace invigil::scoring::linking {

ScaleTransformation Compose(const ScaleTransformation& first, const ScaleTransformation& second) {
  return {second.a * first.a, second.a * first.b + second.b};
}

ScaleTransformation Inverse(const ScaleTransformation& link) {
  return {1 / link.a, -link.b / link.a};
}

ScaleTransformation Bisector(std::span<const ScaleTransformation> links) {
  ScaleTransformation mean{0, 0};
  double weights = 0;
  for (const ScaleTransformation& link : links) {
    const double weight = 1 / std::sqrt(1 + link.a * link.a);
    mean.a += weight * link.a;
    mean.b += weight * link.b;
    weights += weight;
  }
  return {mean.a / weights, mean.b / weights};
}

}  // namespace invigil::scoring::linking
