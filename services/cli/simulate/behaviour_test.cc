#include "services/cli/simulate/behaviour.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "services/cli/simulate/receipt_audit.h"

namespace invigil::cli {
namespace {

using session::v1::DisplayedItem;
using session::v1::ResponseWrite;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

itembank::v1::Item BankItem(const std::string& id, int options, int keys, double difficulty = 0) {
  itembank::v1::Item item;
  item.set_item_id(id);
  item.set_stem("Stem of " + id);
  item.set_select_count(static_cast<uint32_t>(keys));
  item.set_type(keys == 1 ? itembank::v1::ITEM_TYPE_SINGLE_CHOICE
                          : itembank::v1::ITEM_TYPE_MULTIPLE_RESPONSE);
  for (int i = 0; i < options; ++i) {
    auto* option = item.add_options();
    option->set_text(id + " text " + std::to_string(i));
    option->set_is_key(i < keys);
  }
  item.mutable_irt()->set_slope(1.2);
  item.mutable_irt()->set_difficulty(difficulty);
  item.mutable_irt()->set_lower_asymptote(keys == 1 ? 0.2 : 0);
  return item;
}

// As a session shows it: another id, options turned around.
DisplayedItem Display(const itembank::v1::Item& item) {
  DisplayedItem displayed;
  displayed.set_item_id("opaque-" + item.item_id());
  displayed.set_stem(item.stem());
  displayed.set_select_count(item.select_count());
  for (int i = item.options_size(); i-- > 0;) {
    auto* option = displayed.add_options();
    option->set_option_id(std::string(1, static_cast<char>('A' + item.options_size() - 1 - i)));
    option->set_text(item.options(i).text());
  }
  return displayed;
}

struct Exam {
  itembank::v1::Bank bank;
  session::v1::Session session;
};

Exam MakeExam(int items, double difficulty = 0) {
  Exam exam;
  for (int i = 0; i < items; ++i) {
    const auto item =
        BankItem("i" + std::to_string(i), i % 3 == 0 ? 5 : 4, i % 3 == 0 ? 2 : 1, difficulty);
    *exam.bank.add_items() = item;
    *exam.session.add_items() = Display(item);
  }
  return exam;
}

TEST(ItemBook, FindsTheItemBehindShuffledOptions) {
  itembank::v1::Bank bank;
  *bank.add_items() = BankItem("x", 5, 2);
  const ItemBook book(bank);
  DisplayedItem displayed = Display(bank.items(0));
  const KnownItem* known = book.Find(displayed);
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->bank_item_id, "x");
  EXPECT_THAT(KeyedOptions(displayed, *known), ElementsAre("D", "E"));
  displayed.mutable_options(0)->set_text("another");
  EXPECT_EQ(book.Find(displayed), nullptr);
}

TEST(ProbabilityRight, IsTheThreeParameterLogistic) {
  KnownItem item;
  item.slope = 1.5;
  item.difficulty = 0.4;
  item.lower_asymptote = 0.2;
  EXPECT_DOUBLE_EQ(ProbabilityRight(item, 0.4), 0.6);
  EXPECT_NEAR(ProbabilityRight(item, 1.4), 0.2 + 0.8 / (1 + std::exp(-1.5)), 1e-12);
  EXPECT_NEAR(ProbabilityRight(item, -40), 0.2, 1e-12);
  EXPECT_NEAR(ProbabilityRight(item, 40), 1, 1e-12);
}

TEST(WrongOptions, AreNeverTheKeyAndAlwaysEnough) {
  const DisplayedItem displayed = Display(BankItem("x", 5, 2));
  Random random(1);
  std::set<std::vector<std::string>> seen;
  for (int i = 0; i < 500; ++i) {
    const auto wrong = WrongOptions(displayed, {"D", "E"}, random);
    EXPECT_THAT(wrong, SizeIs(2));
    EXPECT_TRUE(std::is_sorted(wrong.begin(), wrong.end()));
    EXPECT_NE(wrong, (std::vector<std::string>{"D", "E"}));
    seen.insert(wrong);
  }
  EXPECT_THAT(seen, SizeIs(9));  // 5 choose 2 without the key
}

// Replays the writes of a plan; checks sequences and saves on the way.
std::map<std::string, ResponseWrite> Replay(const SittingPlan& plan) {
  std::map<std::string, ResponseWrite> last;
  for (const auto& save : plan.saves) {
    EXPECT_FALSE(save.empty());
    EXPECT_LE(save.size(), 6u);
    std::set<std::string> items;
    for (const ResponseWrite& write : save) {
      EXPECT_TRUE(items.insert(write.item_id()).second) << "an item twice in one save";
      EXPECT_EQ(write.sequence(), last[write.item_id()].sequence() + 1);
      EXPECT_EQ(write.cleared(), write.option_ids().empty());
      last[write.item_id()] = write;
    }
  }
  return last;
}

TEST(PlanSitting, EndsWithTheRightAnswersItCounts) {
  const Exam exam = MakeExam(65);
  const ItemBook book(exam.bank);
  int changed = 0, cleared = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const SittingPlan plan = PlanSitting(exam.session, book, 0.3, seed);
    const auto last = Replay(plan);
    ASSERT_THAT(last, SizeIs(65));
    int right = 0;
    for (const DisplayedItem& displayed : exam.session.items()) {
      const auto keyed = KeyedOptions(displayed, *book.Find(displayed));
      const ResponseWrite& write = last.at(displayed.item_id());
      EXPECT_FALSE(write.cleared());
      right += std::equal(keyed.begin(), keyed.end(), write.option_ids().begin(),
                          write.option_ids().end())
                   ? 1
                   : 0;
      changed += write.sequence() > 1 ? 1 : 0;
      cleared += write.sequence() > 2 ? 1 : 0;
    }
    EXPECT_EQ(right, plan.items_right);
    EXPECT_EQ(plan.items_unknown, 0);
  }
  EXPECT_NEAR(changed, 260, 80);  // 40 * 65 * 0.1
  EXPECT_GT(cleared, 20);
}

TEST(PlanSitting, HitsTheModelsProbability) {
  const Exam exam = MakeExam(60, 0.5);
  const ItemBook book(exam.bank);
  double expected = 0, right = 0;
  for (const DisplayedItem& displayed : exam.session.items()) {
    expected += 400 * ProbabilityRight(*book.Find(displayed), 1.0);
  }
  for (uint64_t seed = 0; seed < 400; ++seed) {
    right += PlanSitting(exam.session, book, 1.0, CandidateSeed(seed, 3)).items_right;
  }
  EXPECT_NEAR(right / expected, 1, 0.02);
}

TEST(PlanSitting, KnowledgeBelongsToTheCandidateNotToTheForm) {
  Exam exam = MakeExam(30);
  const ItemBook book(exam.bank);
  const int right = PlanSitting(exam.session, book, 0, 9).items_right;
  auto& items = *exam.session.mutable_items();
  std::reverse(items.begin(), items.end());
  EXPECT_EQ(PlanSitting(exam.session, book, 0, 9).items_right, right);
}

TEST(PlanSitting, AnswersUnknownItemsByChance) {
  Exam exam = MakeExam(4);
  exam.session.mutable_items(1)->set_stem("changed since");
  const SittingPlan plan = PlanSitting(exam.session, ItemBook(exam.bank), 0, 1);
  EXPECT_EQ(plan.items_unknown, 1);
  EXPECT_THAT(Replay(plan), SizeIs(4));
}

TEST(PlanSitting, KeepsToTheRulesOfASection) {
  const Exam exam = MakeExam(60);
  const ItemBook book(exam.bank);
  std::map<std::string, int> place;
  for (const DisplayedItem& item : exam.session.items()) {
    place.emplace(item.item_id(), static_cast<int>(place.size()));
  }
  int forward_changes = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const SittingPlan forward = PlanSitting(exam.session, book, 0, seed, {.forward_only = true});
    int last = 0;
    for (const auto& save : forward.saves) {
      for (const ResponseWrite& write : save) {
        EXPECT_GE(place[write.item_id()], last) << "no way back";
        last = place[write.item_id()];
        forward_changes += write.sequence() > 1 ? 1 : 0;
      }
    }
    EXPECT_THAT(Replay(forward), SizeIs(60));
    const SittingPlan counted =
        PlanSitting(exam.session, book, 0, seed, {.forward_only = false, .edit_quota = 2});
    int changes = 0;
    for (const auto& [item, write] : Replay(counted)) changes += write.sequence() > 1 ? 1 : 0;
    EXPECT_LE(changes, 2);
    EXPECT_EQ(counted.items_right, forward.items_right) << "knowledge is the same";
  }
  EXPECT_GT(forward_changes, 100);
}

TEST(DrawAbility, IsNormalAndBelongsToTheSeed) {
  double sum = 0, squares = 0;
  const int n = 20'000;
  for (int i = 0; i < n; ++i) {
    const double theta = DrawAbility(7, i, 0.5, 2);
    sum += theta;
    squares += theta * theta;
  }
  const double mean = sum / n;
  EXPECT_NEAR(mean, 0.5, 0.06);
  EXPECT_NEAR(std::sqrt(squares / n - mean * mean), 2, 0.05);
  EXPECT_EQ(DrawAbility(7, 3, 0, 1), DrawAbility(7, 3, 0, 1));
  EXPECT_NE(DrawAbility(7, 3, 0, 1), DrawAbility(8, 3, 0, 1));
}

ResponseWrite Write(const std::string& item, uint32_t sequence, const std::string& option) {
  ResponseWrite write;
  write.set_item_id(item);
  write.set_sequence(sequence);
  write.set_cleared(option.empty());
  if (!option.empty()) write.add_option_ids(option);
  return write;
}

class ReceiptAuditTest : public ::testing::Test {
 protected:
  std::vector<std::string> Save(const std::vector<ResponseWrite>& writes,
                                session::v1::AckStatus status = session::v1::ACK_STATUS_STORED) {
    google::protobuf::RepeatedPtrField<session::v1::Ack> acks;
    for (const ResponseWrite& write : writes) {
      auto* ack = acks.Add();
      ack->set_item_id(write.item_id());
      ack->set_sequence(write.sequence());
      ack->set_status(status);
    }
    return audit_.Acknowledged(writes, acks);
  }
  void Hold(const ResponseWrite& write) {
    auto* stored = receipt_.Add();
    stored->set_item_id(write.item_id());
    stored->set_sequence(write.sequence());
    stored->set_cleared(write.cleared());
    *stored->mutable_option_ids() = write.option_ids();
  }
  ReceiptAudit audit_;
  google::protobuf::RepeatedPtrField<session::v1::StoredResponse> receipt_;
};

TEST_F(ReceiptAuditTest, IsContentWithTheNewestOfEverything) {
  EXPECT_THAT(Save({Write("a", 1, "A"), Write("b", 1, "B")}), IsEmpty());
  EXPECT_THAT(Save({Write("a", 2, "C"), Write("c", 1, "")}), IsEmpty());
  Hold(Write("a", 2, "C"));
  Hold(Write("b", 1, "B"));
  EXPECT_THAT(audit_.Check(receipt_), IsEmpty());
  EXPECT_THAT(audit_.Newest(), SizeIs(3));
}

TEST_F(ReceiptAuditTest, FindsLostOldAndChangedResponses) {
  Save({Write("a", 1, "A"), Write("b", 2, "B"), Write("c", 1, "C"), Write("d", 1, "D")});
  Hold(Write("b", 1, "B"));
  Hold(Write("c", 1, "A"));
  Hold(Write("d", 1, "D"));
  EXPECT_THAT(audit_.Check(receipt_),
              ElementsAre("item a sequence 1 is not in the receipt",
                          "item b sequence 2 is in the receipt with sequence 1",
                          "item c sequence 1 is in the receipt with another value"));
}

TEST_F(ReceiptAuditTest, FindsMissingAndStaleAcknowledgements) {
  EXPECT_THAT(audit_.Acknowledged({Write("a", 1, "A")}, {}),
              ElementsAre("item a sequence 1 was not acknowledged"));
  EXPECT_THAT(Save({Write("b", 1, "B")}, session::v1::ACK_STATUS_STALE),
              ElementsAre("item b sequence 1 was the newest but not stored"));
  EXPECT_THAT(audit_.Newest(), IsEmpty());
}

}  // namespace
}  // namespace invigil::cli
