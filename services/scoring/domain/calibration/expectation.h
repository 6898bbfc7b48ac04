// The expectation step of marginal maximum likelihood: for given item curves and ability weights,
// the marginal log-likelihood, and how many persons (right answers) each item is expected to have
// had at each node (Bock & Aitkin 1981). Inside this room.
#pragma once

#include <vector>

#include "services/scoring/domain/ability/item_tables.h"
#include "services/scoring/domain/ability/parallel.h"
#include "services/scoring/domain/calibration/patterns.h"

namespace invigil::scoring {

struct Expectation {
  double log_likelihood = 0;
  std::vector<double> total;      // [stride] persons at each node
  std::vector<double> presented;  // [item][stride] of them, those who were presented the item
  std::vector<double> right;      // [item][stride] of these, those who were right
};

// Blocks are the same whatever the number of threads, and are added in order.
class ExpectationStep {
 public:
  // `patterns` outlive this.
  ExpectationStep(const PackedPatterns& patterns, size_t stride, int threads);
  // `log_weights` is [stride], padded with kernels::kNoWeight.
  void Run(const ItemTables& tables, const std::vector<double>& log_weights, Expectation& out);

 private:
  struct Block {
    size_t begin, end;  // patterns
    size_t first_run;   // the run that holds `begin`
    Expectation sums;
  };
  void RunBlock(const ItemTables& tables, const std::vector<double>& log_weights, Block& block);

  const PackedPatterns& patterns_;
  size_t stride_;
  std::vector<Block> blocks_;
  Workers workers_;
};

}  // namespace invigil::scoring
