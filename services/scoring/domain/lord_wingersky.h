// The distribution of the number-correct score (Lord & Wingersky 1984). Pure; any thread.
#pragma once

#include <span>
#include <vector>

#include "services/scoring/domain/irt.h"

namespace invigil::scoring {

// Entry x is the probability of exactly x right answers at theta; items.size() + 1 entries.
std::vector<double> NumberCorrectDistribution(std::span<const ItemParameters> items, double theta);

}  // namespace invigil::scoring
