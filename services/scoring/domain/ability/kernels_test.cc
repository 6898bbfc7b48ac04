#include "services/scoring/domain/ability/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "services/scoring/domain/ability/item_tables.h"
#include "services/scoring/domain/ability/parallel.h"
#include "services/scoring/domain/ability/quadrature.h"

namespace invigil::scoring::kernels {
namespace {

std::vector<InstructionSet> Sets() {
  std::vector<InstructionSet> sets;
  for (const auto set :
       {InstructionSet::kBaseline, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (IsSupported(set)) sets.push_back(set);
  }
  return sets;
}

bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

TEST(Kernels, ExponentialsAreRightToTwoUnitsOnEveryInstructionSet) {
  std::vector<double> x;
  for (int i = 0; i < 80000; ++i) x.push_back(-700.0 * i / 80000);
  for (int i = 0; i < 8000; ++i) x.push_back(-std::pow(2.0, -i / 150.0));
  std::vector<double> first;
  for (const InstructionSet set : Sets()) {
    std::vector<double> out(x.size());
    Exponentials(x.data(), out.data(), x.size(), set);
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      worst = std::max(worst, std::abs(out[i] / std::exp(x[i]) - 1));
    }
    EXPECT_LT(worst, 4.5e-16);
    if (first.empty()) first = out;
    EXPECT_TRUE(SameBits(out, first));
  }
  std::vector<double> far(8, kNoWeight);
  far[0] = 0;
  Exponentials(far.data(), far.data(), 8, BestInstructionSet());
  EXPECT_EQ(far[0], 1);
  EXPECT_LT(far[1], 1e-300);
}

// Some three-parameter items, patterns with their bits, and what shares them.
struct Case {
  explicit Case(size_t items, size_t count, int node_count)
      : nodes(NormalQuadrature({node_count, -6, 6}).value()), tables(items, nodes.nodes) {
    std::mt19937 random(static_cast<unsigned>(items));
    std::uniform_real_distribution<double> uniform(0, 1);
    for (size_t i = 0; i < items; ++i) {
      curves.push_back({0.5 + uniform(random), 2 * uniform(random) - 1, 0.3 * uniform(random)});
    }
    tables.Build(curves);
    cells.resize(items * count);
    for (int8_t& cell : cells) cell = static_cast<int8_t>(random() % 2);
    bits.resize(tables.groups() * count);
    presented.resize(bits.size());
    for (size_t p = 0; p < count; ++p) {
      PackRow({&cells[p * items], items}, &bits[p * tables.groups()],
              &presented[p * tables.groups()]);
    }
    base.resize(tables.stride());
    tables.Base(presented.data(), Padded(nodes.log_weights, tables.stride(), kNoWeight).data(),
                base.data());
    scratch.resize(tables.stride());
    padded_nodes = Padded(nodes.nodes, tables.stride(), 0);
    patterns = count;
  }
  Run Get() {
    return {base.data(), tables.right_tables(), tables.groups(), tables.stride(), bits.data(),
            patterns,    scratch.data()};
  }
  Quadrature nodes;
  ItemTables tables;
  std::vector<ItemCurve> curves;
  std::vector<int8_t> cells;
  std::vector<uint8_t> bits, presented;
  std::vector<double> base, scratch, padded_nodes;
  size_t patterns = 0;
};

TEST(Kernels, MomentsAgreeWithThePlainFormulaAndAcrossInstructionSets) {
  for (const size_t items : {1, 4, 5, 6, 50, 83}) {
    for (const int node_count : {2, 31, 32, 33, 61, 121}) {
      Case c(items, 40, node_count);
      std::vector<double> first;
      for (const InstructionSet set : Sets()) {
        std::vector<double> out(2 * c.patterns);
        PosteriorMoments(c.Get(), {c.padded_nodes.data(), out.data(), &out[c.patterns]}, set);
        if (first.empty()) first = out;
        EXPECT_TRUE(SameBits(out, first));
      }
      for (size_t p = 0; p < c.patterns; ++p) {
        long double sum = 0, mean = 0, second = 0;
        std::vector<long double> weights;
        for (size_t q = 0; q < c.nodes.nodes.size(); ++q) {
          long double weight = std::exp(static_cast<long double>(c.nodes.log_weights[q]));
          for (size_t i = 0; i < items; ++i) {
            const long double l =
                1 / (1 + std::exp(-static_cast<long double>(c.curves[i].slope) * c.nodes.nodes[q] -
                                  c.curves[i].intercept));
            const long double prob = c.curves[i].asymptote + (1 - c.curves[i].asymptote) * l;
            weight *= c.cells[p * items + i] == 1 ? prob : 1 - prob;
          }
          sum += weight;
          mean += weight * c.nodes.nodes[q];
          weights.push_back(weight);
        }
        mean /= sum;
        for (size_t q = 0; q < weights.size(); ++q) {
          second += weights[q] * (c.nodes.nodes[q] - mean) * (c.nodes.nodes[q] - mean);
        }
        const auto deviation = static_cast<double>(std::sqrt(second / sum));
        EXPECT_NEAR(first[p], static_cast<double>(mean), 1e-12);
        EXPECT_NEAR(first[c.patterns + p], deviation, 1e-11);
      }
    }
  }
}

TEST(Kernels, SumsAgreeAcrossInstructionSetsAndAddUp) {
  Case c(23, 300, 61);
  std::vector<double> frequency(c.patterns);
  double persons = 0;
  for (size_t p = 0; p < c.patterns; ++p) persons += frequency[p] = 1 + static_cast<double>(p % 3);
  std::vector<double> first;
  for (const InstructionSet set : Sets()) {
    std::vector<double> out(2 * c.patterns + c.tables.stride() * (1 + 32 * c.tables.groups()));
    double* total = &out[2 * c.patterns];
    PosteriorSums(
        c.Get(), {frequency.data(), out.data(), &out[c.patterns], total, total + c.tables.stride()},
        set);
    if (first.empty()) first = out;
    EXPECT_TRUE(SameBits(out, first));
    // Every group's buckets hold everybody once.
    double sum = 0;
    for (size_t q = 0; q < 61; ++q) sum += total[q];
    EXPECT_NEAR(sum, persons, 1e-9);
    for (size_t g = 0; g < c.tables.groups(); ++g) {
      for (size_t q = 0; q < 61; ++q) {
        double node = 0;
        for (size_t row = 0; row < 32; ++row) {
          node += total[c.tables.stride() * (1 + g * 32 + row) + q];
        }
        EXPECT_NEAR(node, total[q], 1e-9);
      }
    }
  }
}

TEST(Parallel, EveryBlockOnceOnAnyNumberOfThreads) {
  for (const int threads : {0, 1, 2, 7}) {
    for (const size_t blocks : {0, 1, 5, 100}) {
      std::vector<int> seen(blocks);
      ForEachBlock(blocks, threads, [&](size_t block) { ++seen[block]; });
      EXPECT_EQ(seen, std::vector<int>(blocks, 1));
    }
  }
}

TEST(Parallel, RoundsFollowEachOther) {
  Workers workers(4, 100);
  for (size_t round = 0; round < 2000; ++round) {
    std::vector<size_t> seen(round % 7);
    workers.ForEach(seen.size(), [&](size_t block) { seen[block] += round + block; });
    for (size_t block = 0; block < seen.size(); ++block) ASSERT_EQ(seen[block], round + block);
  }
}

}  // namespace
}  // namespace invigil::scoring::kernels
