#include "services/item_bank/domain/blueprint.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace invigil::item_bank {
namespace {

constexpr double kTie = 1e-9;  // shares are short sums of decimals: nearer than this is equal

}  // namespace

std::vector<double> ExactShares(const std::vector<double>& weights, uint32_t total) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> shares(weights.size(), 0);
  if (sum <= 0) return shares;
  for (size_t i = 0; i < weights.size(); ++i) shares[i] = weights[i] / sum * total;
  return shares;
}

std::vector<uint32_t> Apportion(const std::vector<double>& weights, uint32_t total) {
  const std::vector<double> shares = ExactShares(weights, total);
  std::vector<uint32_t> counts(weights.size(), 0);
  std::vector<double> remainders(weights.size(), 0);
  uint32_t given = 0;
  for (size_t i = 0; i < shares.size(); ++i) {
    counts[i] = static_cast<uint32_t>(std::floor(shares[i] + kTie));
    remainders[i] = std::max(0.0, shares[i] - counts[i]);
    given += counts[i];
  }
  if (given == 0 && std::all_of(shares.begin(), shares.end(), [](double s) { return s == 0; })) {
    return counts;
  }
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (std::abs(remainders[a] - remainders[b]) > kTie) return remainders[a] > remainders[b];
    return weights[a] > weights[b];
  });
  for (size_t i = 0; given < total && i < order.size(); ++i, ++given) ++counts[order[i]];
  return counts;
}

}  // namespace invigil::item_bank
