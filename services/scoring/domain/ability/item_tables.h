// Log-likelihoods of items at fixed nodes, laid out for kernels.h. Any thread once built.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "services/scoring/domain/irt.h"

namespace invigil::scoring {

// An item in slope-intercept form: logit of the logistic part is slope * theta + intercept. Unlike
// a difficulty it also exists for a slope of 0, and calibration may pass through slopes below it.
struct ItemCurve {
  double slope = 1, intercept = 0, asymptote = 0;
};
ItemCurve ToCurve(const ItemParameters& item);

// Responses of persons to items, row by row: 1 right, 0 wrong, below 0 not presented.
struct ResponseView {
  std::span<const int8_t> cells;
  size_t persons = 0, items = 0;
};

// One row as bits, five items a byte (kernels.h).
void PackRow(std::span<const int8_t> row, uint8_t* right, uint8_t* presented);
size_t GroupCount(size_t items);
// Nodes rounded up to the step of the kernels.
size_t StrideFor(size_t nodes);
// `values` with `fill` behind it, `stride` wide.
std::vector<double> Padded(const std::vector<double>& values, size_t stride, double fill);

class ItemTables {
 public:
  ItemTables(size_t items, std::vector<double> nodes);

  // Computes everything for these curves, as many as declared.
  void Build(std::span<const ItemCurve> curves);

  size_t items() const { return items_; }
  size_t groups() const { return groups_; }
  size_t stride() const { return stride_; }
  const std::vector<double>& nodes() const { return nodes_; }
  const double* right_tables() const { return right_.data(); }
  // P at every node, and the logistic part of it; [stride].
  const double* probability(size_t item) const { return &probability_[item * stride_]; }
  const double* logistic(size_t item) const { return &logistic_[item * stride_]; }
  // log P - log Q and log Q; [stride].
  const double* log_odds(size_t item) const { return &log_odds_[item * stride_]; }
  const double* log_wrong(size_t item) const { return &log_wrong_[item * stride_]; }

  // out = log_weights + the presented items' log Q; both [stride].
  void Base(const uint8_t* presented, const double* log_weights, double* out) const;

 private:
  void BuildGroupTables(const std::vector<double>& rows, std::vector<double>& tables) const;

  size_t items_, groups_, stride_;
  std::vector<double> nodes_;
  std::vector<double> right_, wrong_;  // [group][32][stride]
  std::vector<double> probability_, logistic_, log_odds_, log_wrong_;
};

}  // namespace invigil::scoring
