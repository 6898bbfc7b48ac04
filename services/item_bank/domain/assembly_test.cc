#include "services/item_bank/domain/assembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "common/error/error.h"
#include "services/item_bank/domain/samples.h"

namespace invigil::item_bank {
namespace {

constexpr char kSecret[] = "secret";

// Five scored and three unscored items per task, some enemies within and across domains and kinds.
std::vector<Item> BankWithEnemies(const Exam& exam) {
  std::vector<Item> items = samples::Items(exam, 5, 3);
  const auto enemies = [&](const char* a, const char* b) {
    samples::MakeEnemies(*samples::Find(items, a), *samples::Find(items, b));
  };
  enemies("i-1.1-100", "i-1.1-101");
  enemies("i-1.1-101", "i-1.2-100");
  enemies("i-2.1-100", "i-3.1-100");
  enemies("i-2.1-101", "i-2.1-105");  // scored against unscored
  enemies("i-4.1-106", "i-4.2-107");  // both unscored
  enemies("i-4.1-100", "i-4.2-100");
  return items;
}

// Chi-square tail by the Wilson-Hilferty cube root: far better than the bounds used here.
double TailProbability(double chi2, double df) {
  const double z = (std::cbrt(chi2 / df) - (1 - 2 / (9 * df))) / std::sqrt(2 / (9 * df));
  return 0.5 * std::erfc(z / std::sqrt(2.0));
}

double UniformityP(const std::vector<int>& counts) {
  double total = 0, chi2 = 0;
  for (const int c : counts) total += c;
  const double expected = total / static_cast<double>(counts.size());
  for (const int c : counts) chi2 += (c - expected) * (c - expected) / expected;
  return TailProbability(chi2, static_cast<double>(counts.size()) - 1);
}

void ExpectSound(const Pool& pool, const Form& form) {
  const Exam& exam = pool.exam();
  ASSERT_EQ(form.places.size(), exam.ItemCount());
  std::vector<uint32_t> by_domain(exam.domains.size(), 0);
  uint32_t unscored = 0;
  std::set<uint16_t> used;
  std::set<std::string> ids;
  for (const Place& place : form.places) {
    const PoolItem& item = pool.items()[place.pool_index];
    ASSERT_TRUE(used.insert(place.pool_index).second);
    ASSERT_TRUE(ids.insert(place.item_id).second);
    ASSERT_EQ(place.item_id.size(), 16u);
    item.operational ? ++by_domain[static_cast<size_t>(item.domain)] : ++unscored;
    std::vector<uint8_t> order = place.option_order;
    ASSERT_EQ(order.size(), item.item->options.size());
    std::sort(order.begin(), order.end());
    for (size_t k = 0; k < order.size(); ++k) ASSERT_EQ(order[k], k);
  }
  for (size_t d = 0; d < by_domain.size(); ++d) {
    ASSERT_EQ(by_domain[d], exam.domains[d].operational_item_count);
  }
  ASSERT_EQ(unscored, exam.pretest_item_count);
  for (const uint16_t i : used) {
    for (const uint16_t enemy : pool.EnemiesOf(i)) ASSERT_FALSE(used.contains(enemy));
  }
}

TEST(Assemble, EveryFormMeetsTheBlueprintAndKeepsEnemiesApart) {
  const Exam exam = samples::ClfExam();
  const Pool pool = samples::MakePool(exam, BankWithEnemies(exam));
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const auto form = Assemble(pool, seed, kSecret);
    ASSERT_TRUE(form.ok()) << form.status();
    ASSERT_NO_FATAL_FAILURE(ExpectSound(pool, *form)) << "seed " << seed;
  }
}

TEST(Assemble, SpreadsOverTaskStatements) {
  const Exam exam = samples::ClfExam();
  const Pool pool = samples::MakePool(exam, samples::Items(exam, 5, 3));
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::map<std::string, int> tasks;
    const auto form = Assemble(pool, seed, kSecret);
    for (const Place& place : form->places) {
      const PoolItem& item = pool.items()[place.pool_index];
      if (item.operational) ++tasks[item.item->task_id];
    }
    for (const Domain& domain : exam.domains) {
      int least = 99, most = 0;
      for (const Task& task : domain.tasks) {
        least = std::min(least, tasks[task.task_id]);
        most = std::max(most, tasks[task.task_id]);
      }
      ASSERT_LE(most - least, 1) << "domain " << domain.domain_id << ", seed " << seed;
    }
  }
}

TEST(Assemble, TheSameSeedGivesTheSameForm) {
  const Exam exam = samples::ClfExam();
  const auto items = BankWithEnemies(exam);
  const Pool first = samples::MakePool(exam, items), second = samples::MakePool(exam, items);
  const auto a = Assemble(first, 42, kSecret), b = Assemble(second, 42, kSecret);
  EXPECT_EQ(*a, *b);
  EXPECT_NE(a->places, Assemble(first, 43, kSecret)->places);
  // Another secret shows other ids and nothing else.
  const auto c = Assemble(first, 42, "another");
  EXPECT_NE(a->places[0].item_id, c->places[0].item_id);
  EXPECT_EQ(a->places[0].pool_index, c->places[0].pool_index);
}

// Each task statement of domain 1 has four scored items of which one excludes the three that are
// needed: a draw avoids them all once in 256 times, and still every form is filled.
TEST(Assemble, ATightPoolIsAlwaysFilled) {
  const Exam exam = samples::ClfExam();
  std::vector<Item> items = samples::Items(exam, 4, 1);
  for (const char* task : {"1.1", "1.2", "1.3", "1.4"}) {
    const std::string stem = "i-" + std::string(task) + "-10";
    for (const char* other : {"1", "2", "3"}) {
      samples::MakeEnemies(*samples::Find(items, stem + "0"), *samples::Find(items, stem + other));
    }
  }
  const Pool pool = samples::MakePool(exam, items);
  ASSERT_TRUE(pool.feasible().ok()) << pool.feasible();
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const auto form = Assemble(pool, seed, kSecret);
    ASSERT_TRUE(form.ok()) << form.status();
    ASSERT_NO_FATAL_FAILURE(ExpectSound(pool, *form));
  }
}

// A chain of enemies a-b-c where a and c must both go in and b is the tempting mistake.
TEST(Assemble, BacktracksOutOfGreedyMistakes) {
  Exam exam = samples::ClfExam();
  exam.domains.resize(2);
  exam.domains[0].operational_item_count = exam.domains[1].operational_item_count = 2;
  exam.operational_item_count = 4;
  exam.pretest_item_count = 0;
  exam.standard.reset();
  std::vector<Item> items;
  for (const char* id : {"a", "b", "c"}) items.push_back(samples::SingleChoice(id, "1", "1.1"));
  for (const char* id : {"d", "e", "f"}) items.push_back(samples::SingleChoice(id, "2", "2.1"));
  samples::MakeEnemies(items[0], items[1]);
  samples::MakeEnemies(items[1], items[2]);
  samples::MakeEnemies(items[0], items[3]);
  samples::MakeEnemies(items[3], items[4]);
  const Pool pool = samples::MakePool(exam, items);
  ASSERT_TRUE(pool.feasible().ok()) << pool.feasible();
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto form = Assemble(pool, seed, kSecret);
    ASSERT_TRUE(form.ok()) << form.status();
    ASSERT_NO_FATAL_FAILURE(ExpectSound(pool, *form));
  }
}

TEST(Assemble, AnInfeasiblePoolNamesTheDomainAndTheShortage) {
  const Exam exam = samples::ClfExam();
  std::vector<Item> items = samples::Items(exam, 5, 3);
  int kept = 0;
  std::erase_if(items, [&](const Item& i) {
    return i.domain_id == "4" && i.status == ItemStatus::kOperational && ++kept > 4;
  });
  const absl::Status status = Assemble(samples::MakePool(exam, items), 1, kSecret).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  const ErrorView view = ViewError(status);
  EXPECT_EQ(view.reason, "FORM_INFEASIBLE");
  bool named = false;
  for (const auto& [name, value] : view.metadata) {
    named = named || (name == "domain_4_short" && value == "2");
  }
  EXPECT_TRUE(named) << status;
  EXPECT_NE(std::string(status.message()).find("domain 4"), std::string::npos);
}

TEST(Assemble, EnemiesCanMakeAPoolInfeasible) {
  const Exam exam = samples::ClfExam();
  std::vector<Item> items = samples::Items(exam, 3, 3);  // domain 4: 9 items for 6 places
  for (const char* task : {"4.1", "4.2"}) {
    for (int i = 0; i < 3; ++i) {
      for (int k = 0; k < i; ++k) {
        const std::string stem = "i-" + std::string(task) + "-";
        samples::MakeEnemies(*samples::Find(items, stem + std::to_string(100 + i)),
                             *samples::Find(items, stem + std::to_string(100 + k)));
      }
    }
  }
  const ErrorView view = ViewError(samples::MakePool(exam, items).feasible());
  bool named = false;  // 3 + 1 + 1 of 6
  for (const auto& [name, value] : view.metadata) {
    named = named || (name == "domain_4_short" && value == "1");
  }
  EXPECT_TRUE(named);
}

// Choosing the best of eight draws makes forms more alike at the cut than single draws are.
TEST(Assemble, FormsAreComparableAtTheCut) {
  const Exam exam = samples::ClfExam();
  const Pool pool = samples::MakePool(exam, samples::Items(exam, 5, 3));
  double sum = 0, squares = 0;
  const int forms = 1000;
  for (int seed = 0; seed < forms; ++seed) {
    double points = 0;
    const Form form = *Assemble(pool, static_cast<uint64_t>(seed), kSecret);
    for (const Place& place : form.places) {
      points += static_cast<double>(pool.items()[place.pool_index].points_at_cut) / 1e6;
    }
    const double off = points - static_cast<double>(pool.target_points()) / 1e6;
    sum += off;
    squares += off * off;
  }
  EXPECT_LT(std::sqrt(squares / forms), 0.5) << "mean " << sum / forms;
}

// Blindness over 10,000 forms: where unscored items stand, what their ids look like and where their
// keys are shown says nothing.
TEST(Blindness, NothingShownSeparatesUnscoredFromScored) {
  const Exam exam = samples::ClfExam();
  const Pool pool = samples::MakePool(exam, BankWithEnemies(exam));
  std::vector<int> places(exam.ItemCount(), 0);
  std::vector<int> letters_scored(4, 0), letters_unscored(4, 0);
  std::vector<int> bits_scored(80, 0), bits_unscored(80, 0);
  int scored = 0, unscored = 0;
  double ranks = 0;  // sum over unscored of the place of their id among the form's sorted ids
  const int forms = 10'000;
  for (int seed = 0; seed < forms; ++seed) {
    const Form form = *Assemble(pool, static_cast<uint64_t>(seed) * 7919, kSecret);
    std::vector<std::string> sorted;
    for (const Place& place : form.places) sorted.push_back(place.item_id);
    std::sort(sorted.begin(), sorted.end());
    for (size_t p = 0; p < form.places.size(); ++p) {
      const Place& place = form.places[p];
      const PoolItem& item = pool.items()[place.pool_index];
      auto& bits = item.operational ? bits_scored : bits_unscored;
      for (size_t c = 0; c < 16; ++c) {
        const char ch = place.item_id[c];
        const int value = ch >= 'a' ? ch - 'a' : ch - '2' + 26;
        for (size_t b = 0; b < 5; ++b) bits[c * 5 + b] += value >> b & 1;
      }
      item.operational ? ++scored : ++unscored;
      if (item.item->type == ItemType::kSingleChoice) {
        const auto key = DisplayedKey(*item.item, place.option_order);
        ASSERT_EQ(key.size(), 1u);
        ++(item.operational ? letters_scored
                            : letters_unscored)[static_cast<size_t>(key[0][0] - 'A')];
      }
      if (item.operational) continue;
      ++places[p];
      ranks += static_cast<double>(std::lower_bound(sorted.begin(), sorted.end(), place.item_id) -
                                   sorted.begin());
    }
  }
  EXPECT_GT(UniformityP(places), 0.001);
  EXPECT_GT(UniformityP(letters_scored), 0.001);
  EXPECT_GT(UniformityP(letters_unscored), 0.001);
  // Ids: every bit is a fair coin for both kinds (5 standard errors), and the chance that an
  // unscored item's id sorts before a scored one's is one half (that chance is the AUC).
  for (size_t b = 0; b < 80; ++b) {
    EXPECT_NEAR(bits_scored[b], scored / 2.0, 2.5 * std::sqrt(scored));
    EXPECT_NEAR(bits_unscored[b], unscored / 2.0, 2.5 * std::sqrt(unscored));
  }
  const double n1 = exam.pretest_item_count, n0 = exam.operational_item_count;
  const double auc = (ranks / forms - n1 * (n1 - 1) / 2) / (n1 * n0);
  EXPECT_NEAR(auc, 0.5, 0.005);
}

TEST(OpaqueId, ContentIdsAreStableAndDifferByVersion) {
  EXPECT_EQ(ContentId("s", "a", 1), ContentId("s", "a", 1));
  EXPECT_NE(ContentId("s", "a", 1), ContentId("s", "a", 2));
  EXPECT_NE(ContentId("s", "a", 1), ContentId("t", "a", 1));
  EXPECT_NE(ContentId("s", "a1", 1), ContentId("s", "a", 11));
  EXPECT_EQ(ContentId("s", "a", 1).size(), 24u);
}

}  // namespace
}  // namespace invigil::item_bank
