// The three-parameter logistic model (logistic metric, D = 1) and what a form's items say together.
// Pure functions; any thread.
#pragma once

#include <optional>
#include <span>

namespace invigil::scoring {

// P(theta) = g + (1 - g) / (1 + exp(-a (theta - b))). Two- and one-parameter items have g = 0.
struct ItemParameters {
  double slope = 1;            // a, above 0
  double difficulty = 0;       // b
  double lower_asymptote = 0;  // g, 0 up to but not 1
  bool operator==(const ItemParameters&) const = default;
};

// Finite, slope above 0, lower asymptote in [0, 1).
bool IsValid(const ItemParameters& item);

// Probability of a right answer.
double Probability(const ItemParameters& item, double theta);
// Fisher information about theta.
double Information(const ItemParameters& item, double theta);

// The test characteristic curve: number correct expected at theta.
double ExpectedNumberCorrect(std::span<const ItemParameters> items, double theta);
// Information of all items together.
double TestInformation(std::span<const ItemParameters> items, double theta);
// Standard deviation of the number correct at theta.
double NumberCorrectDeviation(std::span<const ItemParameters> items, double theta);
// What guessing alone gives: the curve lies strictly between this and the number of items.
double LowerAsymptoteSum(std::span<const ItemParameters> items);

// The theta at which the curve is `number_correct`, to 1e-12 on the curve where double precision
// allows. nullopt where there is none: at or below the sum of lower asymptotes, at or above the
// number of items. Valid items only.
std::optional<double> AbilityAt(std::span<const ItemParameters> items, double number_correct);

}  // namespace invigil::scoring
