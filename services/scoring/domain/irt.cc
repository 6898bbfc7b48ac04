#include "services/scoring/domain/irt.h"

#include <cmath>

namespace invigil::scoring {
namespace {

double Logistic(const ItemParameters& item, double theta) {
  return 1 / (1 + std::exp(-item.slope * (theta - item.difficulty)));
}

struct Curve {
  double value = 0;
  double derivative = 0;
};

Curve CurveAt(std::span<const ItemParameters> items, double theta) {
  Curve curve;
  for (const ItemParameters& item : items) {
    const double l = Logistic(item, theta);
    curve.value += item.lower_asymptote + (1 - item.lower_asymptote) * l;
    curve.derivative += (1 - item.lower_asymptote) * item.slope * l * (1 - l);
  }
  return curve;
}

}  // namespace

bool IsValid(const ItemParameters& item) {
  return std::isfinite(item.slope) && std::isfinite(item.difficulty) && item.slope > 0 &&
         item.lower_asymptote >= 0 && item.lower_asymptote < 1;
}

double Probability(const ItemParameters& item, double theta) {
  return item.lower_asymptote + (1 - item.lower_asymptote) * Logistic(item, theta);
}

double Information(const ItemParameters& item, double theta) {
  const double l = Logistic(item, theta);
  const double p = item.lower_asymptote + (1 - item.lower_asymptote) * l;
  // l / p is 1 without guessing, also where both have run out of digits.
  const double share = item.lower_asymptote == 0 ? 1 : l / p;
  return item.slope * item.slope * (1 - item.lower_asymptote) * (1 - l) * l * share;
}

double ExpectedNumberCorrect(std::span<const ItemParameters> items, double theta) {
  double sum = 0;
  for (const ItemParameters& item : items) sum += Probability(item, theta);
  return sum;
}

double TestInformation(std::span<const ItemParameters> items, double theta) {
  double sum = 0;
  for (const ItemParameters& item : items) sum += Information(item, theta);
  return sum;
}

double NumberCorrectDeviation(std::span<const ItemParameters> items, double theta) {
  double variance = 0;
  for (const ItemParameters& item : items) {
    const double p = Probability(item, theta);
    variance += p * (1 - p);
  }
  return std::sqrt(variance);
}

double LowerAsymptoteSum(std::span<const ItemParameters> items) {
  double sum = 0;
  for (const ItemParameters& item : items) sum += item.lower_asymptote;
  return sum;
}

std::optional<double> AbilityAt(std::span<const ItemParameters> items, double number_correct) {
  constexpr double kFarthest = 1e7;  // flat items reach far; beyond this there is no answer
  constexpr double kPrecision = 1e-12;
  if (!(number_correct > LowerAsymptoteSum(items)) ||
      !(number_correct < static_cast<double>(items.size()))) {
    return std::nullopt;
  }
  double low = -4, high = 4;
  while (CurveAt(items, low).value >= number_correct) {
    if ((low *= 2) < -kFarthest) return std::nullopt;
  }
  while (CurveAt(items, high).value <= number_correct) {
    if ((high *= 2) > kFarthest) return std::nullopt;
  }
  // Newton, kept inside a bracket that only shrinks; halves it when a step would leave.
  double theta = 0.5 * (low + high);
  for (int i = 0; i < 200; ++i) {
    const Curve curve = CurveAt(items, theta);
    const double miss = curve.value - number_correct;
    if (std::abs(miss) <= kPrecision) return theta;
    (miss < 0 ? low : high) = theta;
    double next = theta - miss / curve.derivative;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (next == theta || next <= low || next >= high) return theta;  // out of digits
    theta = next;
  }
  return theta;
}

}  // namespace invigil::scoring
