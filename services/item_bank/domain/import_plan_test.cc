#include "services/item_bank/domain/import_plan.h"

#include <gtest/gtest.h>

#include "services/item_bank/domain/samples.h"

namespace invigil::item_bank {
namespace {

using samples::SingleChoice;

Item Stored(const std::string& id, std::vector<std::string> enemies = {}) {
  Item item = SingleChoice(id);
  item.version = 3;
  item.enemy_item_ids = std::move(enemies);
  return item;
}

Item Given(const std::string& id, std::vector<std::string> enemies = {}) {
  Item item = Stored(id, std::move(enemies));
  item.version = 0;
  return item;
}

TEST(PlanImport, TellsNewChangedAndEqualApart) {
  Item changed = Given("b");
  changed.stem = "Another question?";
  const auto plan = PlanImport({Given("a"), changed, Given("c")},
                               {{"b", Stored("b")}, {"c", Stored("c")}, {"d", Stored("d")}});
  ASSERT_EQ(plan.created.size(), 1u);
  EXPECT_EQ(plan.created[0].version, 1u);
  ASSERT_EQ(plan.updated.size(), 1u);
  EXPECT_EQ(plan.updated[0].version, 4u);
  EXPECT_EQ(plan.updated[0].stem, "Another question?");
  EXPECT_EQ(plan.unchanged, 1);
}

TEST(PlanImport, OneNamingMakesBothEnemies) {
  const auto plan = PlanImport({Given("a", {"b"}), Given("b")}, {});
  ASSERT_EQ(plan.created.size(), 2u);
  EXPECT_EQ(plan.created[1].enemy_item_ids, std::vector<std::string>{"a"});
}

TEST(PlanImport, ImportingTheSameAgainChangesNothing) {
  const auto plan = PlanImport({Given("a", {"b"}), Given("b")},
                               {{"a", Stored("a", {"b"})}, {"b", Stored("b", {"a"})}});
  EXPECT_EQ(plan.unchanged, 2);
  EXPECT_TRUE(plan.updated.empty());
}

TEST(PlanImport, AStoredItemFollowsTheGivenOne) {
  auto plan = PlanImport({Given("a", {"b"})}, {{"a", Stored("a")}, {"b", Stored("b")}});
  ASSERT_EQ(plan.updated.size(), 2u);
  EXPECT_EQ(plan.updated[1].item_id, "b");
  EXPECT_EQ(plan.updated[1].enemy_item_ids, std::vector<std::string>{"a"});

  plan = PlanImport({Given("a")}, {{"a", Stored("a", {"b"})}, {"b", Stored("b", {"a"})}});
  ASSERT_EQ(plan.updated.size(), 2u);
  EXPECT_TRUE(plan.updated[1].enemy_item_ids.empty());
}

TEST(PlanImport, AnItemNamedBeforeItCameIsAnEnemy) {
  const auto plan = PlanImport({Given("b")}, {{"a", Stored("a", {"b"})}});
  ASSERT_EQ(plan.created.size(), 1u);
  EXPECT_EQ(plan.created[0].enemy_item_ids, std::vector<std::string>{"a"});
  EXPECT_TRUE(plan.updated.empty());
}

}  // namespace
}  // namespace invigil::item_bank
