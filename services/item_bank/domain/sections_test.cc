// Forms of exams with sections: whose items stand where.
#include "services/item_bank/domain/sections.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "common/error/error.h"
#include "services/item_bank/domain/assembly.h"
#include "services/item_bank/domain/samples.h"

namespace invigil::item_bank {
namespace {

constexpr char kSecret[] = "secret";

// Five scored and three unscored items per task, with enemies within and across domains and kinds.
std::vector<Item> BankWithEnemies(const Exam& exam) {
  std::vector<Item> items = samples::Items(exam, 5, 3);
  const auto enemies = [&](const char* a, const char* b) {
    samples::MakeEnemies(*samples::Find(items, a), *samples::Find(items, b));
  };
  enemies("i-1.1-100", "i-3.1-100");
  enemies("i-1.2-101", "i-4.1-101");
  enemies("i-2.1-101", "i-2.1-105");  // scored against unscored
  enemies("i-1.1-106", "i-4.2-107");  // both unscored
  return items;
}

// Each section has its counts, by domain where it names them; the whole form meets the blueprint
// and holds no two enemies.
void ExpectSound(const Pool& pool, const Form& form) {
  const Exam& exam = pool.exam();
  ASSERT_EQ(form.places.size(), exam.ItemCount());
  std::map<std::string, uint32_t> blueprint;
  std::set<uint16_t> used;
  size_t place = 0;
  for (const Section* section : exam.Sections()) {
    std::map<std::pair<std::string, bool>, uint32_t> found;
    uint32_t scored = 0;
    for (uint32_t i = 0; i < section->ItemCount(); ++i, ++place) {
      const PoolItem& item = pool.items()[form.places[place].pool_index];
      ASSERT_TRUE(used.insert(form.places[place].pool_index).second);
      ++found[{item.item->domain_id, item.operational}];
      if (!item.operational) continue;
      ++scored;
      ++blueprint[item.item->domain_id];
    }
    ASSERT_EQ(scored, section->operational_item_count) << section->section_id;
    if (section->domains.empty()) continue;
    for (const SectionDomain& share : section->domains) {
      ASSERT_EQ((found[{share.domain_id, true}]), share.operational_item_count);
      ASSERT_EQ((found[{share.domain_id, false}]), share.pretest_item_count);
    }
  }
  for (const Domain& domain : exam.domains) {
    ASSERT_EQ(blueprint[domain.domain_id], domain.operational_item_count);
  }
  for (const uint16_t item : used) {
    for (const uint16_t enemy : pool.EnemiesOf(item)) ASSERT_FALSE(used.contains(enemy));
  }
}

TEST(Sections, EveryFormGivesEachSectionItsItems) {
  for (const Exam& exam : {samples::TwoSectionExam(), samples::NamedDomainsExam()}) {
    const Pool pool = samples::MakePool(exam, BankWithEnemies(exam));
    ASSERT_TRUE(pool.feasible().ok()) << pool.feasible();
    for (uint64_t seed = 0; seed < 1000; ++seed) {
      const auto form = Assemble(pool, seed, kSecret);
      ASSERT_TRUE(form.ok()) << form.status();
      ASSERT_NO_FATAL_FAILURE(ExpectSound(pool, *form)) << "seed " << seed;
      if (seed < 20) {
        ASSERT_EQ(*form, *Assemble(pool, seed, kSecret));
      }
    }
  }
}

// Within a section every place is equally likely to be unscored, so place says nothing. Bounds are
// 5 standard errors of a share.
TEST(Sections, UnscoredItemsStandAnywhereInTheirSection) {
  for (const Exam& exam : {samples::TwoSectionExam(), samples::NamedDomainsExam()}) {
    const Pool pool = samples::MakePool(exam, samples::Items(exam, 5, 3));
    std::vector<int> unscored(exam.ItemCount(), 0);
    const int forms = 4000;
    for (int seed = 0; seed < forms; ++seed) {
      const Form form = *Assemble(pool, static_cast<uint64_t>(seed) * 7919, kSecret);
      for (size_t p = 0; p < form.places.size(); ++p) {
        unscored[p] += !pool.items()[form.places[p].pool_index].operational;
      }
    }
    size_t place = 0;
    for (const Section* section : exam.Sections()) {
      const double share = static_cast<double>(section->pretest_item_count) / section->ItemCount();
      const double bound = 5 * std::sqrt(share * (1 - share) / forms);
      for (uint32_t i = 0; i < section->ItemCount(); ++i, ++place) {
        EXPECT_NEAR(static_cast<double>(unscored[place]) / forms, share, bound) << place;
      }
    }
  }
}

// An item of a domain that both sections may show is as likely in either as their places allow.
TEST(Sections, NoSectionIsFavoured) {
  const Exam exam = samples::TwoSectionExam();
  const Pool pool = samples::MakePool(exam, samples::Items(exam, 5, 3));
  int first = 0, all = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const Form form = *Assemble(pool, seed, kSecret);
    for (size_t p = 0; p < form.places.size(); ++p) {
      const PoolItem& item = pool.items()[form.places[p].pool_index];
      if (!item.operational || item.item->domain_id != "4") continue;
      ++all;
      first += p < exam.parts[2].section->ItemCount();
    }
  }
  EXPECT_EQ(all, 6000);
  EXPECT_NEAR(first, all / 2.0, 5 * 0.5 * std::sqrt(all));
}

// An exam without parts and one of a single section are one and the same form.
TEST(Sections, OneSectionChangesNoForm) {
  const Exam plain = samples::ClfExam();
  Exam single = plain;
  single.parts = {samples::SectionPart("all", 50, 15, {})};
  ASSERT_TRUE(CheckExam(single).empty());
  const auto items = BankWithEnemies(plain);
  const Pool a = samples::MakePool(plain, items), b = samples::MakePool(single, items);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    EXPECT_EQ(*Assemble(a, seed, kSecret), *Assemble(b, seed, kSecret));
  }
}

// Where sections name domains, unscored items come from these: an item of another subject would be
// known as unscored at once.
TEST(Sections, UnscoredItemsAreShortByDomain) {
  const Exam exam = samples::NamedDomainsExam();
  std::vector<Item> items = samples::Items(exam, 5, 3);
  int kept = 0;
  std::erase_if(items, [&](const Item& i) {
    return i.domain_id == "1" && i.status == ItemStatus::kPretest && ++kept > 4;
  });
  const absl::Status status = samples::MakePool(exam, items).feasible();
  const ErrorView view = ViewError(status);
  EXPECT_EQ(view.reason, "FORM_INFEASIBLE");
  bool named = false;
  for (const auto& [name, value] : view.metadata) {
    named = named || (name == "domain_1_pretest_short" && value == "1");
  }
  EXPECT_TRUE(named) << status;
}

// A definition that was never checked can't make a form with a hole.
TEST(Sections, CountsThatDoNotFitGiveNoForm) {
  Exam exam = samples::TwoSectionExam();
  exam.parts[4].section->operational_item_count = 24;
  const Pool pool = samples::MakePool(exam, samples::Items(exam, 5, 3));
  EXPECT_EQ(Assemble(pool, 1, kSecret).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace invigil::item_bank
