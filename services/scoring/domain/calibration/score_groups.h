// S-X2 of Orlando & Thissen (2000). Inside this room.
#pragma once

#include <span>
#include <vector>

#include "services/scoring/domain/ability/quadrature.h"
#include "services/scoring/domain/irt.h"

namespace invigil::scoring {

// Persons by number correct who were presented every item.
struct ScoreGroups {
  double persons = 0;
  std::vector<double> at_score;            // [items + 1]
  std::vector<std::vector<double>> right;  // [item][score]
};

// For each item the probability of a right answer given each number correct, [item][items + 1]; 0
// at score 0 and 1 at the top.
std::vector<std::vector<double>> ExpectedByScore(std::span<const ItemParameters> items,
                                                 const Quadrature& quadrature, int threads);

struct ScoreChiSquare {
  double statistic = 0;
  int rows = 0;  // after merging
};
// Over scores 1 to items - 1. Scores nobody has are left out, scores of a single person join the
// next one, then rows with a cell expected below 1 join the neighbour with fewer persons, the rule
// of mirt.
ScoreChiSquare CompareByScore(const ScoreGroups& groups, size_t item,
                              std::span<const double> expected);

}  // namespace invigil::scoring
