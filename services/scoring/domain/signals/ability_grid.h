// A distribution over ability on a fixed grid, and the three things done to it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace invigil::scoring {

inline constexpr size_t kAbilityNodes = 241;
inline constexpr double kAbilityLow = -6, kAbilityStep = 0.05;

inline double AbilityNode(size_t j) { return kAbilityLow + kAbilityStep * static_cast<double>(j); }

// The values as seen through a normal error of `sd` in ability: entry j is the mean of `values`
// around node j. Beyond the ends the end's value stands. sd 0 returns them unchanged.
std::vector<double> Blur(std::span<const double> values, double sd);
// Between nodes the straight line; beyond the ends the end's value.
double AtAbility(std::span<const double> values, double theta);
// Normal density at the nodes, summing to 1.
std::vector<double> NormalWeights(double mean, double sd);
// Divides by the sum. False when that is not above 0.
bool Normalize(std::vector<double>& weights);
// The ability below which the share `p` of the weights (summing to 1) lies.
double QuantileOf(std::span<const double> weights, double p);
// The share of the weights at or above theta.
double ShareFrom(std::span<const double> weights, double theta);

}  // namespace invigil::scoring
