// Percentile ranks and the equipercentile function (Kolen & Brennan, ch. 2.5: a discrete score is
// spread evenly over half a point to either side). Pure; any thread.
#pragma once

#include <span>
#include <vector>

namespace invigil::scoring::equating {

// A distribution of scores 0..K made continuous over [-0.5, K + 0.5].
class Distribution {
 public:
  // From frequencies, not all 0, none negative; scaled to sum 1.
  explicit Distribution(std::span<const double> frequencies);

  int max_score() const { return static_cast<int>(density_.size()) - 1; }
  double Density(int score) const { return density_[static_cast<size_t>(score)]; }
  // The share of persons at the integer nearest to x: the density of the continuous distribution.
  double DensityAt(double x) const { return Density(Nearest(x)); }
  // The percentile rank of x as a share, 0 to 1.
  double Rank(double x) const;
  // The score whose rank is p. Where nobody has a score over a run, every point of the run has that
  // rank: the middle of the run is taken, which makes the function symmetric. p at or below 0 gives
  // -0.5, at or above 1 gives K + 0.5.
  double Inverse(double p) const;
  // The integer whose half-open interval [s - 0.5, s + 0.5) holds x, kept inside 0..K.
  int Nearest(double x) const;

 private:
  std::vector<double> density_, cumulative_;
};

// Percentile ranks (0 to 1) of 0..K.
std::vector<double> PercentileRanks(const Distribution& distribution);

// e_Y(x) for every raw score x of `from`: the score on `to` with the same percentile rank.
std::vector<double> Equipercentile(const Distribution& from, const Distribution& to);

}  // namespace invigil::scoring::equating
