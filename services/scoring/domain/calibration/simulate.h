// Simulated items and answers for tests, benches and studies; the same on every machine.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "services/scoring/domain/irt.h"

namespace invigil::scoring::simulate {

// std::mt19937_64 is fixed by the standard; its distributions are not, so they are made here.
class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed) {}
  double Uniform() { return (static_cast<double>(random_() >> 11) + 0.5) * 0x1p-53; }
  double Normal() {  // Box & Muller
    const double radius = std::sqrt(-2 * std::log(Uniform()));
    return radius * std::cos(6.283185307179586 * Uniform());
  }

 private:
  std::mt19937_64 random_;
};

// Slopes log-normal around 1.1, difficulties normal, asymptotes 0.1 to 0.3 where wanted.
inline std::vector<ItemParameters> Items(Chance& chance, size_t count, bool guessing) {
  std::vector<ItemParameters> items;
  for (size_t i = 0; i < count; ++i) {
    const double slope = std::exp(0.1 + 0.3 * chance.Normal());
    const double difficulty = chance.Normal();
    items.push_back({slope, difficulty, guessing ? 0.1 + 0.2 * chance.Uniform() : 0});
  }
  return items;
}

inline std::vector<double> Abilities(Chance& chance, size_t count, double mean = 0, double sd = 1) {
  std::vector<double> abilities(count);
  for (double& ability : abilities) ability = mean + sd * chance.Normal();
  return abilities;
}

// persons x items.
inline std::vector<int8_t> Answers(Chance& chance, const std::vector<ItemParameters>& items,
                                   const std::vector<double>& abilities) {
  std::vector<int8_t> cells;
  cells.reserve(items.size() * abilities.size());
  for (const double ability : abilities) {
    for (const ItemParameters& item : items) {
      cells.push_back(chance.Uniform() < Probability(item, ability) ? 1 : 0);
    }
  }
  return cells;
}

}  // namespace invigil::scoring::simulate
