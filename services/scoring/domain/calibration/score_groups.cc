#include "services/scoring/domain/calibration/score_groups.h"

#include <cmath>

#include "services/scoring/domain/ability/parallel.h"

namespace invigil::scoring {
namespace {

constexpr double kFewestExpected = 1;

// Distribution of the number correct, one more item at a time (Lord & Wingersky 1984).
void AddItem(double p, std::vector<double>& distribution) {
  distribution.push_back(0);
  for (size_t x = distribution.size(); x-- > 0;) {
    distribution[x] = distribution[x] * (1 - p) + (x > 0 ? distribution[x - 1] * p : 0);
  }
}

struct Row {
  double observed_right = 0, observed_wrong = 0, expected_right = 0, expected_wrong = 0;
  double persons() const { return observed_right + observed_wrong; }
  void Add(const Row& other) {
    observed_right += other.observed_right;
    observed_wrong += other.observed_wrong;
    expected_right += other.expected_right;
    expected_wrong += other.expected_wrong;
  }
};

void Merge(std::vector<Row>& rows, size_t from, size_t to) {
  rows[to].Add(rows[from]);
  rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(from));
}

void MergeSinglePersons(std::vector<Row>& rows) {
  for (size_t i = 0; i + 1 < rows.size(); ++i) {
    if (rows[i].persons() == 1) Merge(rows, i, i + 1);  // the merged row now stands at i
  }
  if (rows.size() > 1 && rows.back().persons() == 1) Merge(rows, rows.size() - 1, rows.size() - 2);
}

void MergeRareCells(std::vector<Row>& rows) {
  const auto rare = [](const Row& row) {
    return (row.expected_right < kFewestExpected && row.expected_right != 0) ||
           (row.expected_wrong < kFewestExpected && row.expected_wrong != 0);
  };
  while (rows.size() > 1) {
    size_t first = 0;
    while (first < rows.size() && !rare(rows[first])) ++first;
    if (first == rows.size()) return;
    if (first == 0) {
      Merge(rows, 0, 1);
    } else if (first + 1 == rows.size()) {
      Merge(rows, first, first - 1);
    } else {
      const bool up = rows[first - 1].persons() <= rows[first + 1].persons();
      Merge(rows, first, up ? first - 1 : first + 1);
    }
  }
}

}  // namespace

std::vector<std::vector<double>> ExpectedByScore(std::span<const ItemParameters> items,
                                                 const Quadrature& quadrature, int threads) {
  const size_t count = items.size(), nodes = quadrature.nodes.size();
  std::vector<double> probability(count * nodes);
  std::vector<double> all(count + 1);
  for (size_t q = 0; q < nodes; ++q) {
    std::vector<double> distribution = {1};
    for (size_t i = 0; i < count; ++i) {
      const double p = Probability(items[i], quadrature.nodes[q]);
      probability[i * nodes + q] = p;
      AddItem(p, distribution);
    }
    const double weight = std::exp(quadrature.log_weights[q]);
    for (size_t x = 0; x <= count; ++x) all[x] += weight * distribution[x];
  }
  std::vector<std::vector<double>> expected(count);
  ForEachBlock(count, threads, [&](size_t item) {
    std::vector<double> joint(count + 1);
    std::vector<double> rest;
    for (size_t q = 0; q < nodes; ++q) {
      rest.assign(1, 1.0);
      for (size_t i = 0; i < count; ++i) {
        if (i != item) AddItem(probability[i * nodes + q], rest);
      }
      const double weight = std::exp(quadrature.log_weights[q]) * probability[item * nodes + q];
      for (size_t x = 1; x <= count; ++x) joint[x] += weight * rest[x - 1];
    }
    for (size_t x = 0; x <= count; ++x) joint[x] = all[x] > 0 ? joint[x] / all[x] : 0;
    expected[item] = std::move(joint);
  });
  return expected;
}

ScoreChiSquare CompareByScore(const ScoreGroups& groups, size_t item,
                              std::span<const double> expected) {
  std::vector<Row> rows;
  for (size_t score = 1; score + 1 < groups.at_score.size(); ++score) {
    const double n = groups.at_score[score];
    if (n == 0) continue;
    const double right = groups.right[item][score];
    rows.push_back({right, n - right, n * expected[score], n * (1 - expected[score])});
  }
  MergeSinglePersons(rows);
  MergeRareCells(rows);
  ScoreChiSquare result;
  result.rows = static_cast<int>(rows.size());
  for (const Row& row : rows) {
    const double difference = row.observed_right - row.expected_right;
    const double n = row.expected_right + row.expected_wrong;
    if (row.expected_right > 0 && row.expected_wrong > 0) {
      result.statistic += difference * difference * n / (row.expected_right * row.expected_wrong);
    }
  }
  return result;
}

}  // namespace invigil::scoring
