#include "services/scoring/domain/calibration/expectation.h"

#include <algorithm>
#include <cmath>

#include "services/scoring/domain/ability/kernels.h"

namespace invigil::scoring {
namespace {

using kernels::kItemsPerGroup;
using kernels::kPatternsPerGroup;

constexpr size_t kBlockPatterns = 1024, kMostBlocks = 64;

void AddRow(const double* from, double* to, size_t stride) {
  for (size_t q = 0; q < stride; ++q) to[q] += from[q];
}

// From sums by a group's pattern to sums by item.
void BucketsToItems(const std::vector<double>& buckets, size_t items, size_t stride,
                    std::vector<double>& out) {
  out.assign(items * stride, 0.0);
  for (size_t item = 0; item < items; ++item) {
    const double* group = &buckets[item / kItemsPerGroup * kPatternsPerGroup * stride];
    const size_t bit = size_t{1} << (item % kItemsPerGroup);
    for (size_t pattern = 0; pattern < kPatternsPerGroup; ++pattern) {
      if ((pattern & bit) != 0) AddRow(group + pattern * stride, &out[item * stride], stride);
    }
  }
}

size_t BlockCount(const PackedPatterns& patterns) {
  return std::clamp<size_t>((patterns.size() + kBlockPatterns - 1) / kBlockPatterns, 1,
                            kMostBlocks);
}

}  // namespace

ExpectationStep::ExpectationStep(const PackedPatterns& patterns, size_t stride, int threads)
    : patterns_(patterns), stride_(stride), workers_(threads, BlockCount(patterns)) {
  const size_t count = BlockCount(patterns);
  size_t run = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = patterns.size() * i / count, end = patterns.size() * (i + 1) / count;
    while (run + 1 < patterns.runs.size() && patterns.runs[run].end <= begin) ++run;
    blocks_.push_back({begin, end, run, {}});
  }
}

void ExpectationStep::RunBlock(const ItemTables& tables, const std::vector<double>& log_weights,
                               Block& block) {
  const size_t groups = patterns_.groups, table_size = groups * kPatternsPerGroup * stride_;
  const size_t count = block.end - block.begin;
  std::vector<double> right(table_size), presented(table_size), base(stride_), scratch(stride_);
  std::vector<double> run_total(stride_), log_top(count), sum(count);
  block.sums.total.assign(stride_, 0.0);
  const kernels::InstructionSet set = kernels::BestInstructionSet();
  for (size_t run = block.first_run, from = block.begin; from < block.end; ++run) {
    const size_t to = std::min(patterns_.runs[run].end, block.end);
    const uint8_t* shown = &patterns_.presented[run * groups];
    tables.Base(shown, log_weights.data(), base.data());
    std::fill(run_total.begin(), run_total.end(), 0.0);
    kernels::PosteriorSums({base.data(), tables.right_tables(), groups, stride_,
                            &patterns_.right[from * groups], to - from, scratch.data()},
                           {&patterns_.frequency[from], &log_top[from - block.begin],
                            &sum[from - block.begin], run_total.data(), right.data()},
                           set);
    AddRow(run_total.data(), block.sums.total.data(), stride_);
    for (size_t g = 0; g < groups; ++g) {
      AddRow(run_total.data(), &presented[(g * kPatternsPerGroup + shown[g]) * stride_], stride_);
    }
    from = to;
  }
  double log_likelihood = 0;
  for (size_t i = 0; i < count; ++i) {
    log_likelihood += patterns_.frequency[block.begin + i] * (log_top[i] + std::log(sum[i]));
  }
  block.sums.log_likelihood = log_likelihood;
  BucketsToItems(right, patterns_.items, stride_, block.sums.right);
  BucketsToItems(presented, patterns_.items, stride_, block.sums.presented);
}

void ExpectationStep::Run(const ItemTables& tables, const std::vector<double>& log_weights,
                          Expectation& out) {
  workers_.ForEach(blocks_.size(), [&](size_t i) { RunBlock(tables, log_weights, blocks_[i]); });
  out.log_likelihood = 0;
  out.total.assign(stride_, 0.0);
  out.right.assign(patterns_.items * stride_, 0.0);
  out.presented.assign(patterns_.items * stride_, 0.0);
  for (const Block& block : blocks_) {
    out.log_likelihood += block.sums.log_likelihood;
    AddRow(block.sums.total.data(), out.total.data(), stride_);
    AddRow(block.sums.right.data(), out.right.data(), out.right.size());
    AddRow(block.sums.presented.data(), out.presented.data(), out.presented.size());
  }
}

}  // namespace invigil::scoring
