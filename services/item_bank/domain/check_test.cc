#include "services/item_bank/domain/check.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "services/item_bank/domain/samples.h"

namespace invigil::item_bank {
namespace {

using samples::MultipleResponse;
using samples::SingleChoice;

struct Spoiled {
  const char* name;
  std::function<void(Item&)> spoil;
  const char* field;
  bool blocking = true;
};

// Every rule: spoiling a good item in one way gives a finding at that very field.
TEST(CheckItem, EachRuleNamesItsField) {
  const Exam exam = samples::ClfExam();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Spoiled> single = {
      {"id", [](Item& i) { i.item_id = "Upper"; }, "item_id"},
      {"bank", [](Item& i) { i.bank_id = ""; }, "bank_id"},
      {"domain", [](Item& i) { i.domain_id = "9"; }, "domain_id"},
      {"task", [](Item& i) { i.task_id = "2.1"; }, "task_id"},
      {"type", [](Item& i) { i.type = ItemType::kUnspecified; }, "type"},
      {"level", [](Item& i) { i.cognitive_level = CognitiveLevel::kUnspecified; },
       "cognitive_level"},
      {"status", [](Item& i) { i.status = static_cast<ItemStatus>(9); }, "status"},
      {"three options", [](Item& i) { i.options.pop_back(); }, "options"},
      {"two keys", [](Item& i) { i.options[0].is_key = true; }, "options"},
      {"no key", [](Item& i) { i.options[1].is_key = false; }, "options"},
      {"select", [](Item& i) { i.select_count = 2; }, "select_count"},
      {"option id", [](Item& i) { i.options[2].option_id = "C"; }, "options[2].option_id"},
      {"option twice", [](Item& i) { i.options[2].option_id = "a"; }, "options[2].option_id"},
      {"option empty", [](Item& i) { i.options[3].text = ""; }, "options[3].text"},
      {"option same", [](Item& i) { i.options[3].text = i.options[0].text; }, "options[3].text"},
      {"rationale", [](Item& i) { i.options[1].rationale = ""; }, "options[1].rationale", false},
      {"stem", [](Item& i) { i.stem = " blank"; }, "stem"},
      {"stem utf8", [](Item& i) { i.stem = "bad \xff byte"; }, "stem"},
      {"stem lies", [](Item& i) { i.stem += " (Select TWO.)"; }, "stem"},
      {"no irt", [](Item& i) { i.irt.reset(); }, "irt"},
      {"slope", [](Item& i) { i.irt->slope = 0; }, "irt.slope"},
      {"slope nan", [=](Item& i) { i.irt->slope = nan; }, "irt.slope"},
      {"difficulty", [](Item& i) { i.irt->difficulty = 7; }, "irt.difficulty"},
      {"asymptote", [](Item& i) { i.irt->lower_asymptote = 1; }, "irt.lower_asymptote"},
      {"own enemy", [](Item& i) { i.enemy_item_ids = {i.item_id}; }, "enemy_item_ids[0]"},
      {"references", [](Item& i) { i.references.clear(); }, "references", false},
      {"http", [](Item& i) { i.references[0].url = "http://a.example"; }, "references[0].url"},
  };
  const std::vector<Spoiled> multiple = {
      {"four options", [](Item& i) { i.options.erase(i.options.begin()); }, "options"},
      {"seven options",
       [](Item& i) {
         i.options.push_back({"f", "Text f", false, "Because."});
         i.options.push_back({"g", "Text g", false, "Because."});
       },
       "options"},
      {"one key", [](Item& i) { i.options[1].is_key = false; }, "options"},
      {"select", [](Item& i) { i.select_count = 3; }, "select_count"},
      {"silent stem", [](Item& i) { i.stem = "Which are right?"; }, "stem"},
      {"wrong number", [](Item& i) { i.stem = "Which are right? (Select THREE.)"; }, "stem"},
  };
  ASSERT_TRUE(CheckItem(SingleChoice("x"), &exam).empty());
  ASSERT_TRUE(CheckItem(MultipleResponse("x"), &exam).empty());
  const auto run = [&](const Item& good, const std::vector<Spoiled>& cases) {
    for (const Spoiled& test : cases) {
      Item item = good;
      test.spoil(item);
      const Findings findings = CheckItem(item, &exam);
      bool found = false;
      for (const Finding& f : findings) {
        found = found || (f.field == test.field && f.blocking == test.blocking);
      }
      EXPECT_TRUE(found) << test.name << " gave no finding at " << test.field;
    }
  };
  run(SingleChoice("x"), single);
  run(MultipleResponse("x"), multiple);
}

TEST(CheckItem, ThreeKeysOfSix) {
  Item item = MultipleResponse("x");
  item.options.push_back({"f", "Text f", true, "Because."});
  item.select_count = 3;
  item.stem = "Which are right? (Select THREE.)";
  EXPECT_TRUE(CheckItem(item, nullptr).empty());
}

TEST(CheckItem, ADraftNeedsNoParameters) {
  Item item = SingleChoice("x");
  item.status = ItemStatus::kDraft;
  item.irt.reset();
  EXPECT_TRUE(CheckItem(item, nullptr).empty());
}

TEST(CheckItem, AnExamLimitsTheTypes) {
  Exam exam = samples::ClfExam();
  exam.item_types = {ItemType::kSingleChoice};
  EXPECT_TRUE(CheckItem(SingleChoice("x"), &exam).empty());
  EXPECT_EQ(CheckItem(MultipleResponse("x"), &exam).at(0).field, "type");
}

Bank TwoItems() {
  return {{"clf-c02", "Bank", "CLF-C02", ""}, {SingleChoice("a"), SingleChoice("b")}};
}

TEST(CheckBank, NamesTheItemAndItsPlace) {
  Bank bank = TwoItems();
  bank.items[1].options[2].text = "";
  const Findings findings = CheckBank(bank, nullptr, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].item_index, 1);
  EXPECT_EQ(findings[0].item_id, "b");
}

TEST(CheckBank, IdsAreUniqueInTheFileAndTheSuite) {
  Bank bank = TwoItems();
  bank.items[1].item_id = "a";
  EXPECT_TRUE(AnyBlocking(CheckBank(bank, nullptr, {})));
  KnownItems known;
  known.elsewhere = [](const std::string& id) { return id == "b"; };
  EXPECT_TRUE(AnyBlocking(CheckBank(TwoItems(), nullptr, known)));
}

TEST(CheckBank, EnemiesExistHereOrInTheStore) {
  Bank bank = TwoItems();
  bank.items[0].enemy_item_ids = {"b"};
  EXPECT_TRUE(CheckBank(bank, nullptr, {}).empty());
  bank.items[0].enemy_item_ids = {"gone"};
  EXPECT_EQ(CheckBank(bank, nullptr, {}).at(0).field, "enemy_item_ids[0]");
  EXPECT_FALSE(AnyBlocking(CheckBank(bank, nullptr, {})));
  KnownItems known;
  known.in_bank = [](const std::string& id) { return id == "gone"; };
  EXPECT_TRUE(CheckBank(bank, nullptr, known).empty());
}

TEST(CheckBank, TheSameQuestionTwiceIsAdvice) {
  Bank bank = TwoItems();
  bank.items[1].stem = bank.items[0].stem;
  const Findings findings = CheckBank(bank, nullptr, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_FALSE(findings[0].blocking);
}

TEST(CheckSuccessor, RetiredIsForGood) {
  Item old = SingleChoice("x"), next = old;
  old.status = ItemStatus::kRetired;
  Findings findings;
  CheckSuccessor(next, old, findings);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].field, "status");
  CheckSuccessor(old, next, findings);
  EXPECT_EQ(findings.size(), 1u);
}

TEST(Normalise, FillsWhatAuthorsLeaveOut) {
  Item item = SingleChoice("x");
  item.status = ItemStatus::kUnspecified;
  item.bank_id = "";
  item.version = 7;
  item.enemy_item_ids = {"c", "a", "c"};
  Normalise(item, "bank");
  EXPECT_EQ(item.status, ItemStatus::kDraft);
  EXPECT_EQ(item.bank_id, "bank");
  EXPECT_EQ(item.version, 0u);
  EXPECT_EQ(item.enemy_item_ids, (std::vector<std::string>{"a", "c"}));
}

}  // namespace
}  // namespace invigil::item_bank
