#include "services/scoring/domain/ability/item_tables.h"

#include <algorithm>
#include <cmath>

#include "services/scoring/domain/ability/kernels.h"

namespace invigil::scoring {

using kernels::kItemsPerGroup;
using kernels::kPatternsPerGroup;

ItemCurve ToCurve(const ItemParameters& item) {
  return {item.slope, -item.slope * item.difficulty, item.lower_asymptote};
}

size_t GroupCount(size_t items) { return (items + kItemsPerGroup - 1) / kItemsPerGroup; }

size_t StrideFor(size_t nodes) {
  return (nodes + kernels::kNodeStep - 1) / kernels::kNodeStep * kernels::kNodeStep;
}

std::vector<double> Padded(const std::vector<double>& values, size_t stride, double fill) {
  std::vector<double> padded = values;
  padded.resize(stride, fill);
  return padded;
}

void PackRow(std::span<const int8_t> row, uint8_t* right, uint8_t* presented) {
  for (size_t begin = 0; begin < row.size(); begin += kItemsPerGroup) {
    const size_t count = std::min(kItemsPerGroup, row.size() - begin);
    uint32_t ones = 0, shown = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto cell = static_cast<uint8_t>(row[begin + i]);
      ones |= static_cast<uint32_t>(cell == 1) << i;
      shown |= static_cast<uint32_t>(cell <= 1) << i;
    }
    *right++ = static_cast<uint8_t>(ones);
    *presented++ = static_cast<uint8_t>(shown);
  }
}

ItemTables::ItemTables(size_t items, std::vector<double> nodes)
    : items_(items),
      groups_(GroupCount(items)),
      stride_(StrideFor(nodes.size())),
      nodes_(std::move(nodes)),
      right_(groups_ * kPatternsPerGroup * stride_),
      wrong_(right_.size()),
      probability_(items * stride_),
      logistic_(items * stride_),
      log_odds_(items * stride_),
      log_wrong_(items * stride_) {}

void ItemTables::Build(std::span<const ItemCurve> curves) {
  for (size_t i = 0; i < items_; ++i) {
    const auto& [slope, intercept, asymptote] = curves[i];
    const double log_share = std::log1p(-asymptote);
    for (size_t q = 0; q < nodes_.size(); ++q) {
      const size_t at = i * stride_ + q;
      const double x = slope * nodes_[q] + intercept;
      const double tail = std::exp(-std::abs(x));  // never overflows
      const double logistic = x >= 0 ? 1 / (1 + tail) : tail / (1 + tail);
      const double log_wrong = log_share - ((x > 0 ? x : 0) + std::log1p(tail));
      logistic_[at] = logistic;
      log_wrong_[at] = log_wrong;
      probability_[at] = asymptote + (1 - asymptote) * logistic;
      log_odds_[at] = asymptote == 0 ? x : std::log(probability_[at]) - log_wrong;
    }
  }
  BuildGroupTables(log_odds_, right_);
  BuildGroupTables(log_wrong_, wrong_);
}

void ItemTables::BuildGroupTables(const std::vector<double>& rows,
                                  std::vector<double>& tables) const {
  for (size_t g = 0; g < groups_; ++g) {
    double* group = &tables[g * kPatternsPerGroup * stride_];
    const size_t count = std::min(kItemsPerGroup, items_ - g * kItemsPerGroup);
    std::fill(group, group + stride_, 0.0);
    // A pattern is the one without its highest item, and that item.
    for (size_t item = 0; item < count; ++item) {
      const double* row = &rows[(g * kItemsPerGroup + item) * stride_];
      for (size_t below = 0; below < (size_t{1} << item); ++below) {
        const double* from = group + below * stride_;
        double* to = group + ((size_t{1} << item) + below) * stride_;
        for (size_t q = 0; q < stride_; ++q) to[q] = from[q] + row[q];
      }
    }
  }
}

void ItemTables::Base(const uint8_t* presented, const double* log_weights, double* out) const {
  std::copy(log_weights, log_weights + stride_, out);
  for (size_t g = 0; g < groups_; ++g) {
    const double* row = &wrong_[(g * kPatternsPerGroup + presented[g]) * stride_];
    for (size_t q = 0; q < stride_; ++q) out[q] += row[q];
  }
}

}  // namespace invigil::scoring
