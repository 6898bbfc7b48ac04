#include "services/item_bank/domain/independent.h"

#include <gtest/gtest.h>

#include <numeric>

namespace invigil::item_bank {
namespace {

int Total(const std::vector<int>& v) { return std::accumulate(v.begin(), v.end(), 0); }

void Link(EnemyProblem& problem, uint16_t a, uint16_t b) {
  problem.enemies[a].push_back(b);
  problem.enemies[b].push_back(a);
}

EnemyProblem Unlinked(std::vector<int> class_of, std::vector<int> need) {
  EnemyProblem problem;
  problem.enemies.resize(class_of.size());
  problem.class_of = std::move(class_of);
  problem.need = std::move(need);
  return problem;
}

// The least shortage over every subset, by trying them all.
int LeastShortage(const EnemyProblem& problem) {
  const size_t n = problem.class_of.size();
  int best = Total(problem.need);
  for (uint32_t set = 0; set < 1u << n; ++set) {
    std::vector<int> left = problem.need;
    bool good = true;
    for (size_t i = 0; i < n && good; ++i) {
      if (!(set >> i & 1)) continue;
      for (const uint16_t e : problem.enemies[i]) good = good && !(set >> e & 1);
      int& need = left[static_cast<size_t>(problem.class_of[i])];
      need = std::max(0, need - 1);
    }
    if (good) best = std::min(best, Total(left));
  }
  return best;
}

TEST(FillWithoutEnemies, AgreesWithTryingEverything) {
  Random random(11);
  for (int round = 0; round < 400; ++round) {
    const size_t n = 4 + random.Below(9), classes = 1 + random.Below(3);
    std::vector<int> class_of(n), need(classes);
    for (int& c : class_of) c = static_cast<int>(random.Below(classes));
    for (int& need_of : need) need_of = static_cast<int>(random.Below(5));
    EnemyProblem problem = Unlinked(class_of, need);
    const double density = random.Uniform();
    for (uint16_t a = 0; a < n; ++a) {
      for (uint16_t b = 0; b < a; ++b) {
        if (random.Uniform() < density * 0.6) Link(problem, a, b);
      }
    }
    const EnemyFreeSet set = FillWithoutEnemies(problem, random);
    ASSERT_TRUE(set.exact);
    ASSERT_EQ(Total(set.shortage), LeastShortage(problem));
    std::vector<bool> in(n, false);
    std::vector<int> left = need;
    for (const uint16_t i : set.items) {
      ASSERT_FALSE(in[i]);
      in[i] = true;
      int& need_of = left[static_cast<size_t>(class_of[i])];
      need_of = std::max(0, need_of - 1);
    }
    ASSERT_EQ(left, set.shortage);
    for (const uint16_t i : set.items) {
      for (const uint16_t e : problem.enemies[i]) ASSERT_FALSE(in[e]);
    }
  }
}

TEST(FillWithoutEnemies, ALargeCliqueGivesOne) {
  EnemyProblem problem = Unlinked(std::vector<int>(60, 0), {2});
  for (uint16_t a = 0; a < 60; ++a) {
    for (uint16_t b = 0; b < a; ++b) Link(problem, a, b);
  }
  Random random(1);
  const EnemyFreeSet set = FillWithoutEnemies(problem, random);
  EXPECT_TRUE(set.exact);
  EXPECT_EQ(set.shortage, std::vector<int>{1});
}

// Bounded work on a tangle: what comes out is free of enemies, and a shortage is not called proven.
TEST(FillWithoutEnemies, ATangleIsAnsweredInTime) {
  Random random(1);
  EnemyProblem problem = Unlinked(std::vector<int>(400, 0), {400});
  for (uint16_t a = 0; a < 400; ++a) {
    for (int k = 0; k < 3; ++k) {
      const auto b = static_cast<uint16_t>(random.Below(400));
      if (a != b) Link(problem, a, b);
    }
  }
  const EnemyFreeSet set = FillWithoutEnemies(problem, random);
  EXPECT_FALSE(set.exact);
  std::vector<bool> in(400, false);
  for (const uint16_t i : set.items) in[i] = true;
  for (const uint16_t i : set.items) {
    for (const uint16_t e : problem.enemies[i]) ASSERT_FALSE(in[e]);
  }
  EXPECT_GE(set.items.size(), 60u);
}

}  // namespace
}  // namespace invigil::item_bank
