#include "services/scoring/domain/equating/percentile.h"

#include <algorithm>
#include <cmath>

namespace invigil::scoring::equating {
namespace {

// Two ranks this close, relative to their size, are one: counts over n are correctly rounded, so
// that equal ranks of counts differ by a few units in the last place. Not more: the tails of smooth
// distributions hold real differences of 1e-12.
constexpr double kSameRank = 4e-15;

}  // namespace

Distribution::Distribution(std::span<const double> frequencies)
    : density_(frequencies.begin(), frequencies.end()), cumulative_(frequencies.size()) {
  double n = 0;
  for (double f : density_) n += f;
  double below = 0;
  for (size_t s = 0; s < density_.size(); ++s) {
    below += density_[s];
    cumulative_[s] = below / n;  // dividing the sum keeps ranks of counts as exact as can be
    density_[s] /= n;
  }
}

int Distribution::Nearest(double x) const {
  return static_cast<int>(std::clamp(std::floor(x + 0.5), 0.0, static_cast<double>(max_score())));
}

double Distribution::Rank(double x) const {
  if (x <= -0.5) return 0;
  if (x >= max_score() + 0.5) return 1;
  const int s = Nearest(x);
  const double below = s > 0 ? cumulative_[static_cast<size_t>(s) - 1] : 0;
  return below + (x - (s - 0.5)) * Density(s);
}

double Distribution::Inverse(double p) const {
  if (!(p > 0)) return -0.5;
  const double tolerance = kSameRank * p;
  // The first score with more than p at or below it, and the first with p.
  const auto above = std::upper_bound(cumulative_.begin(), cumulative_.end(), p + tolerance);
  if (above == cumulative_.end()) return max_score() + 0.5;
  const auto reached = std::lower_bound(cumulative_.begin(), above, p - tolerance);
  const auto upper = static_cast<size_t>(above - cumulative_.begin());
  const auto lower = static_cast<size_t>(reached - cumulative_.begin());
  if (lower == upper) {
    const double below = upper > 0 ? cumulative_[upper - 1] : 0;
    return (p - below) / density_[upper] + static_cast<double>(upper) - 0.5;
  }
  // p is the rank of every point from lower + 0.5 to upper - 0.5.
  return 0.5 * static_cast<double>(lower + upper);
}

std::vector<double> PercentileRanks(const Distribution& distribution) {
  std::vector<double> ranks(static_cast<size_t>(distribution.max_score()) + 1);
  for (size_t s = 0; s < ranks.size(); ++s) ranks[s] = distribution.Rank(static_cast<double>(s));
  return ranks;
}

std::vector<double> Equipercentile(const Distribution& from, const Distribution& to) {
  std::vector<double> equated(static_cast<size_t>(from.max_score()) + 1);
  for (size_t x = 0; x < equated.size(); ++x) {
    equated[x] = to.Inverse(from.Rank(static_cast<double>(x)));
  }
  return equated;
}

}  // namespace invigil::scoring::equating
