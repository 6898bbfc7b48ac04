// MAP, ML and WLE of one pattern. Inside this room.
#pragma once

#include <span>
#include <vector>

#include "services/scoring/domain/ability/ability.h"
#include "services/scoring/domain/ability/item_tables.h"

namespace invigil::scoring {

// Prepared for a set of valid items; Estimate is const and may run on many threads.
class PointEstimator {
 public:
  PointEstimator(std::span<const ItemParameters> items, const AbilityOptions& options);
  Ability Estimate(std::span<const int8_t> responses) const;

 private:
  struct Values {
    double log_likelihood = 0, score = 0;  // and its derivative
    double expected = 0, observed = 0;     // information
    double third = 0;                      // J of Warm (1989): sum of P' P'' / (P Q)
  };
  Values At(std::span<const int8_t> responses, double theta) const;
  // The function whose falling root is the estimate.
  double Equation(const Values& values, double theta) const;
  double StandardError(const Values& values) const;
  double StartingPoint(std::span<const int8_t> responses) const;
  double Solve(std::span<const int8_t> responses, double start) const;

  std::vector<ItemParameters> items_;
  AbilityOptions options_;
  bool guessing_ = false;
  ItemTables grid_;  // where the likelihood may have several maxima
};

}  // namespace invigil::scoring
