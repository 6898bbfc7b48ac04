#include "services/scoring/domain/equating/synthetic.h"

#include "common/error/error.h"

namespace invigil::scoring::equating {
namespace {

// How much of the other group has anchor scores that this group has too.
double Overlap(std::span<const double> anchor, std::span<const double> other) {
  double sum = 0;
  for (size_t v = 0; v < anchor.size(); ++v) {
    if (anchor[v] > 0) sum += other[v];
  }
  return sum;
}

std::vector<double> Mixture(const ScoreTable& table, std::span<const double> other, double weight,
                            double overlap) {
  const size_t width = table.Width();
  const std::vector<double> anchor = AnchorMargin(table);
  // A cell counts w f(t, v) + (1 - w) f(t | v) h(v).
  std::vector<double> factor(width, 0.0);
  for (size_t v = 0; v < width; ++v) {
    if (anchor[v] > 0) {
      factor[v] = weight / table.n + (1 - weight) * (other[v] / overlap) / anchor[v];
    }
  }
  std::vector<double> mixed(static_cast<size_t>(table.max_total) + 1, 0.0);
  for (size_t t = 0; t < mixed.size(); ++t) {
    for (size_t v = 0; v < width; ++v) mixed[t] += table.cells[t * width + v] * factor[v];
  }
  return mixed;
}

}  // namespace

absl::StatusOr<SyntheticDistributions> FrequencyEstimation(const ScoreTable& x, const ScoreTable& y,
                                                           double weight_x) {
  const std::vector<double> anchor_x = AnchorMargin(x), anchor_y = AnchorMargin(y);
  const double overlap_x = Overlap(anchor_x, anchor_y), overlap_y = Overlap(anchor_y, anchor_x);
  if (!(overlap_x > 0) || !(overlap_y > 0)) {
    return FailedPrecondition("ANCHOR_NO_OVERLAP",
                              "no anchor score occurs in both groups, so that nothing is known of "
                              "one group on the other's form; smooth, or use a chained method");
  }
  return SyntheticDistributions{.x = Mixture(x, anchor_y, weight_x, overlap_x),
                                .y = Mixture(y, anchor_x, 1 - weight_x, overlap_y)};
}

SyntheticMean MeanOf(std::span<const double> psi, const ScoreTable& table,
                     std::span<const double> other_anchor, double weight) {
  const size_t width = table.Width();
  const std::vector<double> anchor = AnchorMargin(table);
  const double overlap = Overlap(anchor, other_anchor);
  double mean = 0, elsewhere = 0;
  std::vector<double> given(width, 0.0);  // the mean of psi at each anchor score
  for (size_t cell = 0; cell < table.cells.size(); ++cell) {
    given[cell % width] += table.cells[cell] * psi[cell / width];
    mean += table.cells[cell] * psi[cell / width] / table.n;
  }
  for (size_t v = 0; v < width; ++v) {
    given[v] = anchor[v] > 0 ? given[v] / anchor[v] : 0;
    elsewhere += given[v] * (anchor[v] > 0 ? other_anchor[v] : 0) / overlap;
  }
  SyntheticMean result{.value = weight * mean + (1 - weight) * elsewhere};
  result.taken.resize(table.cells.size());
  result.other.resize(width);
  for (size_t cell = 0; cell < table.cells.size(); ++cell) {
    const size_t v = cell % width;
    if (!(anchor[v] > 0)) continue;  // no such person, and none can be drawn
    const double ratio = (other_anchor[v] / overlap) / (anchor[v] / table.n);
    result.taken[cell] =
        weight * psi[cell / width] + (1 - weight) * ratio * (psi[cell / width] - given[v]);
  }
  double others = 0;
  for (double count : other_anchor) others += count;
  for (size_t v = 0; v < width; ++v) {
    if (anchor[v] > 0) {
      result.other[v] = (1 - weight) * (given[v] - elsewhere) / (overlap / others);
    }
  }
  return result;
}

}  // namespace invigil::scoring::equating
