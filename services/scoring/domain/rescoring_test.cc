#include "services/scoring/domain/rescoring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/error/error.h"
#include "services/scoring/domain/key_text.h"
#include "services/scoring/domain/testing.h"

namespace invigil::scoring {
namespace {

using testing::Answers;

// The practice key as the item bank tells it, with options shuffled place by place.
ScoringKey BankKey(uint64_t seed = 41) {
  Random random(seed);
  const auto base = testing::RandomItems(random, 50), form = testing::RandomItems(random, 50);
  ScoringKey key = testing::MakeKey(form, base, 35, 15);
  for (size_t i = 0; i < key.items.size(); ++i) {
    KeyedItem& item = key.items[i];
    item.bank_item_id = absl::StrCat("bank-", i);
    item.bank_item_version = 2;
    for (uint32_t k = 0; k < item.option_count; ++k) {
      item.authored_option_ids.emplace_back(1, static_cast<char>('a' + k));
    }
    random.Shuffle(item.authored_option_ids);
  }
  return key;
}

KeyDecision Decision(const KeyedItem& item, DecisionKind kind,
                     std::vector<std::vector<std::string>> accepted = {}) {
  return {.item_id = item.bank_item_id,
          .item_versions = {},
          .kind = kind,
          .accepted = std::move(accepted),
          .reason = "two experts agree"};
}

// The bank's name of what is displayed as `letter`.
std::string Authored(const KeyedItem& item, const std::string& letter) {
  return item.authored_option_ids[static_cast<size_t>(letter[0] - 'A')];
}

// An option of the item that the key does not name, as displayed.
std::string WrongLetter(const KeyedItem& item) {
  for (char letter = 'A';; ++letter) {
    if (std::find(item.key_option_ids.begin(), item.key_option_ids.end(), std::string(1, letter)) ==
        item.key_option_ids.end()) {
      return std::string(1, letter);
    }
  }
}

std::vector<KeyRevision> Revisions(std::vector<std::vector<KeyDecision>> sets) {
  std::vector<KeyRevision> revisions;
  for (auto& set : sets) {
    revisions.push_back({static_cast<uint32_t>(revisions.size() + 1), *Canonical(std::move(set))});
  }
  return revisions;
}

Score ScoreBy(const std::vector<SealedResponse>& responses, const ScoringKey& key,
              const ScoringKey& bank, const Conversion& base) {
  return *ScoreResponses(responses, key, *ConversionUnder(key, bank, &base));
}

// Somebody's answers to the whole form.
std::vector<SealedResponse> RandomAnswers(const ScoringKey& key, Random& random) {
  std::vector<SealedResponse> responses;
  for (const KeyedItem& item : key.items) {
    if (random.Below(12) == 0) continue;
    if (random.Below(10) < 6) {
      responses.push_back({item.item_id, item.key_option_ids});
      continue;
    }
    responses.push_back(
        {item.item_id, {std::string(1, static_cast<char>('A' + random.Below(item.option_count)))}});
  }
  return *Canonical(std::move(responses));
}

class RescoringTest : public ::testing::Test {
 protected:
  const KeyedItem& Operational(size_t n) const {
    for (const KeyedItem& item : bank_.items) {
      if (item.operational && n-- == 0) return item;
    }
    return bank_.items.front();
  }
  const KeyedItem& Pretest() const {
    return *std::find_if(bank_.items.begin(), bank_.items.end(),
                         [](const KeyedItem& item) { return !item.operational; });
  }
  ScoringKey Under(const std::vector<KeyRevision>& revisions) const {
    return *KeyUnder(bank_, revisions);
  }

  // The last of what the form refuses, as "REVISION REASON"; empty: nothing.
  std::string Refused(const std::vector<KeyRevision>& revisions) const {
    std::vector<RefusedDecision> refused;
    EXPECT_TRUE(KeyUnder(bank_, revisions, &refused).ok());
    if (refused.empty()) return "";
    return absl::StrCat(refused.back().revision, " ", ReasonOf(refused.back().why));
  }

  ScoringKey bank_ = BankKey();
  Conversion base_ = *BuildConversion(bank_);
};

TEST_F(RescoringTest, WithoutADecisionNothingChanges) {
  EXPECT_EQ(Under({}), bank_);
  EXPECT_EQ(HashOf(*ConversionUnder(bank_, bank_, &base_)), HashOf(base_));
  Random random(5);
  for (int i = 0; i < 200; ++i) {
    const auto responses = RandomAnswers(bank_, random);
    const Score held = *ScoreResponses(responses, bank_, base_);
    const Score renewed = ScoreBy(responses, Under({}), bank_, base_);
    EXPECT_EQ(renewed, held);
    EXPECT_EQ(Judge(held, renewed, RescoringPolicy::kExact), RescoringOutcome::kUnchanged);
  }
}

TEST_F(RescoringTest, AFormThatHoldsNoDecidedItemKeepsItsKey) {
  KeyDecision elsewhere = Decision(Operational(0), DecisionKind::kDrop);
  elsewhere.item_id = "another";
  KeyDecision other_version = Decision(Operational(0), DecisionKind::kDrop);
  other_version.item_versions = {1, 3};
  KeyDecision pretest = Decision(Pretest(), DecisionKind::kCredit);
  const auto revisions = Revisions({{elsewhere, other_version, pretest}});
  EXPECT_EQ(Under(revisions), bank_);
  EXPECT_FALSE(Concerns(revisions[0].decisions, bank_));
}

TEST_F(RescoringTest, ADroppedItemCountsForNobody) {
  const KeyedItem& item = Operational(7);
  const auto revisions = Revisions({{Decision(item, DecisionKind::kDrop)}});
  const ScoringKey key = Under(revisions);
  EXPECT_EQ(key.key_version, 2u);
  const Conversion conversion = *ConversionUnder(key, bank_, &base_);
  EXPECT_EQ(conversion.rows.size(), base_.rows.size() - 1);
  EXPECT_EQ(conversion.rows.front().scaled_score, 100);
  EXPECT_EQ(conversion.rows.back().scaled_score, 1000);
  Random random(6);
  for (int i = 0; i < 200; ++i) {
    auto responses = RandomAnswers(bank_, random);
    const Score held = *ScoreResponses(responses, bank_, base_);
    const Score renewed = *ScoreResponses(responses, key, conversion);
    EXPECT_EQ(renewed.raw_max, held.raw_max - 1);
    EXPECT_NE(Judge(held, renewed, RescoringPolicy::kExact), RescoringOutcome::kUnchanged);
    // Whatever is said about the item, the score stands.
    std::erase_if(responses, [&](const SealedResponse& r) { return r.item_id == item.item_id; });
    EXPECT_EQ(*ScoreResponses(responses, key, conversion), renewed);
    responses.push_back({item.item_id, item.key_option_ids});
    EXPECT_EQ(*ScoreResponses(*Canonical(responses), key, conversion), renewed);
  }
}

TEST_F(RescoringTest, CreditLowersNobody) {
  const KeyedItem& item = Operational(3);
  const ScoringKey key = Under(Revisions({{Decision(item, DecisionKind::kCredit)}}));
  Random random(7);
  int raised = 0;
  for (int i = 0; i < 300; ++i) {
    const auto responses = RandomAnswers(bank_, random);
    const Score held = *ScoreResponses(responses, bank_, base_);
    const Score renewed = ScoreBy(responses, key, bank_, base_);
    EXPECT_GE(renewed.raw_score, held.raw_score);
    EXPECT_LE(renewed.raw_score, held.raw_score + 1);
    EXPECT_GE(renewed.scaled_score_unrounded, held.scaled_score_unrounded);
    EXPECT_GE(renewed.scaled_score, held.scaled_score);
    EXPECT_TRUE(renewed.passed || !held.passed);
    raised += renewed.raw_score > held.raw_score ? 1 : 0;
  }
  EXPECT_GT(raised, 0);
  EXPECT_EQ(ScoreBy({}, key, bank_, base_).raw_score, 1u) << "also whoever omitted it";
}

TEST_F(RescoringTest, ARekeyMovesThePointInTheBanksWordsWhateverTheForm) {
  for (const uint64_t seed : {41u, 42u, 43u}) {
    const ScoringKey bank = BankKey(seed);
    const Conversion base = *BuildConversion(bank);
    const KeyedItem& item = bank.items[0];
    const std::string wrong = WrongLetter(item);
    const ScoringKey key = *KeyUnder(
        bank, Revisions({{Decision(item, DecisionKind::kRekey, {{Authored(item, wrong)}})}}));
    const auto with = [&](std::vector<std::string> answer) {
      return ScoreBy({{item.item_id, std::move(answer)}}, key, bank, base).raw_score;
    };
    EXPECT_EQ(with({wrong}), 1u);
    EXPECT_EQ(with(item.key_option_ids), 0u);
    EXPECT_EQ(ConversionUnder(key, bank, &base)->rows, base.rows) << "the numbers stay";
    EXPECT_EQ(ConversionUnder(key, bank, &base)->key_version, 2u);
  }
}

TEST_F(RescoringTest, EachOfSeveralAnswersIsRight) {
  const KeyedItem& item = Operational(4);
  std::vector<std::string> right;
  for (const std::string& letter : item.key_option_ids) right.push_back(Authored(item, letter));
  const std::string wrong = WrongLetter(item);
  const ScoringKey key = Under(
      Revisions({{Decision(item, DecisionKind::kMultiple, {{Authored(item, wrong)}, right})}}));
  const auto with = [&](std::vector<std::string> answer) {
    return ScoreBy({{item.item_id, std::move(answer)}}, key, bank_, base_).raw_score;
  };
  EXPECT_EQ(with({wrong}), 1u);
  EXPECT_EQ(with(item.key_option_ids), 1u);
  std::vector<std::string> both = item.key_option_ids;
  both.push_back(wrong);
  std::sort(both.begin(), both.end());
  EXPECT_EQ(with(both), 0u) << "both at once are neither";
}

TEST_F(RescoringTest, TheLastDecisionHoldsAndEveryVersionCanBeHadAgain) {
  const KeyedItem &item = Operational(1), &other = Operational(2);
  const auto revisions = Revisions({{Decision(item, DecisionKind::kDrop)},
                                    {Decision(other, DecisionKind::kCredit)},
                                    {},
                                    {Decision(item, DecisionKind::kKeep)}});
  std::vector<ScoringKey> keys;
  for (size_t n = 0; n <= revisions.size(); ++n) {
    keys.push_back(*KeyUnder(bank_, std::span(revisions).first(n)));
    EXPECT_EQ(*KeyAtVersion(bank_, revisions, keys.back().key_version), keys.back()) << n;
  }
  std::vector<uint32_t> versions;
  for (const ScoringKey& key : keys) versions.push_back(key.key_version);
  EXPECT_EQ(versions, (std::vector<uint32_t>{1, 2, 3, 3, 5}));
  ScoringKey kept = keys.back();
  kept.key_version = keys[0].key_version;
  for (KeyedItem& i : kept.items) i.credit = false;
  EXPECT_EQ(kept, bank_) << "but for the credit, the bank's key is back";
  EXPECT_EQ(KeyAtVersion(bank_, revisions, 4).status().code(), absl::StatusCode::kInternal);
}

TEST_F(RescoringTest, PoliciesLetThroughWhatTheySay) {
  Score held{.scaled_score = 700, .scaled_score_unrounded = 700, .passed = true};
  const auto judge = [&](int32_t scaled, RescoringPolicy policy) {
    Score renewed = held;
    renewed.scaled_score = scaled;
    renewed.passed = scaled >= 700;
    return Judge(held, renewed, policy);
  };
  using P = RescoringPolicy;
  using O = RescoringOutcome;
  EXPECT_EQ(judge(700, P::kExact), O::kUnchanged);
  for (const P policy : {P::kNeverFail, P::kNeverLower, P::kExact}) {
    EXPECT_EQ(judge(720, policy), O::kChanged);
  }
  EXPECT_EQ(judge(690, P::kNeverFail), O::kProtected);
  EXPECT_EQ(judge(690, P::kNeverLower), O::kProtected);
  EXPECT_EQ(judge(690, P::kExact), O::kChanged);
  held.scaled_score = 800;
  EXPECT_EQ(judge(790, P::kNeverFail), O::kChanged);
  EXPECT_EQ(judge(790, P::kNeverLower), O::kProtected);
  held = {.scaled_score = 690, .passed = false};
  EXPECT_EQ(judge(710, P::kNeverLower), O::kChanged);
  EXPECT_EQ(judge(680, P::kNeverFail), O::kChanged);
}

TEST_F(RescoringTest, ADecisionThatNamesNoOptionOfTheItemIsRefusedByName) {
  KeyDecision decision = Decision(Operational(0), DecisionKind::kRekey, {{"nonsense"}});
  auto revisions = Revisions({{decision}});
  EXPECT_EQ(Under(revisions), bank_) << "no version has the option, so none is meant";
  EXPECT_TRUE(PassesBy(revisions[0].decisions, bank_)) << "and that is said";
  decision.item_versions = {2};
  revisions = Revisions({{decision}});
  EXPECT_FALSE(PassesBy(revisions[0].decisions, bank_));
  EXPECT_EQ(Refused(revisions), "1 DECISION_IMPOSSIBLE");
  for (KeyedItem& item : bank_.items) item.authored_option_ids.clear();
  EXPECT_EQ(Refused(revisions), "1 DECISION_IMPOSSIBLE");
  // What needs no option can be decided about forms of any age.
  EXPECT_EQ(Refused(Revisions({{Decision(Operational(0), DecisionKind::kDrop)}})), "");
}

TEST_F(RescoringTest, WhatAFormRefusesLeavesItTheDecisionBefore) {
  const KeyedItem item = Operational(0);
  KeyDecision impossible = Decision(item, DecisionKind::kRekey, {{"nonsense"}});
  impossible.item_versions = {2};
  const KeyDecision credit = Decision(item, DecisionKind::kCredit);
  ScoringKey key = Under(Revisions({{impossible}}));
  EXPECT_EQ(key.key_version, 2u) << "the revision concerns the form";
  EXPECT_EQ(key.items, bank_.items) << "a seal is scored as before";
  EXPECT_EQ(*KeyAtVersion(bank_, Revisions({{impossible}}), 2), key) << "and replays";
  const auto after_credit = Revisions({{credit}, {impossible}});
  EXPECT_EQ(Under(after_credit).items, Under(Revisions({{credit}})).items);
  EXPECT_EQ(Refused(after_credit), "2 DECISION_IMPOSSIBLE");
  // What takes it back leaves nothing to refuse.
  EXPECT_EQ(Refused(Revisions({{impossible}, {Decision(item, DecisionKind::kKeep)}})), "");
  auto disordered = Revisions({{credit}, {impossible}});
  std::swap(disordered[0], disordered[1]);
  EXPECT_EQ(KeyUnder(bank_, disordered).status().code(), absl::StatusCode::kInternal);
}

TEST_F(RescoringTest, WhenNothingWouldBeLeftToCountTheDropIsRefused) {
  std::vector<KeyDecision> all;
  for (const KeyedItem& item : bank_.items) {
    if (item.operational) all.push_back(Decision(item, DecisionKind::kDrop));
  }
  const auto revisions = Revisions({all});
  EXPECT_EQ(Under(revisions).items, bank_.items);
  EXPECT_TRUE(ConversionUnder(Under(revisions), bank_, &base_).ok());
  std::vector<RefusedDecision> refused;
  ASSERT_TRUE(KeyUnder(bank_, revisions, &refused).ok());
  EXPECT_EQ(refused.size(), all.size());
  all.pop_back();
  EXPECT_EQ(Refused(Revisions({all})), "");
}

TEST(Decisions, FaultsAreNamedFieldByField) {
  const auto fields = [](KeyDecision decision) {
    std::set<std::string> names;
    const auto result = Canonical(std::vector{std::move(decision)});
    if (result.ok()) return names;
    EXPECT_EQ(ReasonOf(result.status()), "RESCORING_INVALID");
    for (const auto& [name, what] : ViewError(result.status()).fields) names.insert(name);
    return names;
  };
  using Names = std::set<std::string>;
  const KeyDecision good{.item_id = "i",
                         .item_versions = {},
                         .kind = DecisionKind::kDrop,
                         .accepted = {},
                         .reason = "r"};
  EXPECT_EQ(fields(good), Names{});
  const auto with = [&](auto change) {
    KeyDecision decision = good;
    change(decision);
    return fields(decision);
  };
  EXPECT_EQ(with([](auto& d) { d.item_id.clear(); }), Names{"decisions[0].item_id"});
  EXPECT_EQ(with([](auto& d) { d.kind = DecisionKind::kUnknown; }), Names{"decisions[0].kind"});
  EXPECT_EQ(with([](auto& d) { d.reason.clear(); }), Names{"decisions[0].reason"});
  EXPECT_EQ(with([](auto& d) { d.item_versions = {2, 2}; }), Names{"decisions[0].item_versions"});
  EXPECT_EQ(with([](auto& d) { d.item_versions = {0}; }), Names{"decisions[0].item_versions"});
  EXPECT_EQ(with([](auto& d) { d.accepted = {{"a"}}; }), Names{"decisions[0].accepted"});
  const auto answers = [&](DecisionKind kind, std::vector<std::vector<std::string>> accepted) {
    return with([&](auto& d) {
      d.kind = kind;
      d.accepted = accepted;
    });
  };
  const Names wrong{"decisions[0].accepted"};
  EXPECT_EQ(answers(DecisionKind::kRekey, {{"b"}}), Names{});
  EXPECT_EQ(answers(DecisionKind::kRekey, {}), wrong);
  EXPECT_EQ(answers(DecisionKind::kRekey, {{"a"}, {"b"}}), wrong);
  EXPECT_EQ(answers(DecisionKind::kRekey, {{}}), wrong);
  EXPECT_EQ(answers(DecisionKind::kRekey, {{"a", "a"}}), wrong);
  EXPECT_EQ(answers(DecisionKind::kRekey, {{""}}), wrong);
  EXPECT_EQ(answers(DecisionKind::kRekey, {{std::string(64, 'a')}}), Names{});
  EXPECT_EQ(answers(DecisionKind::kRekey, {{std::string(65, 'a')}}), wrong);
  std::vector<std::string> many;
  std::vector<std::vector<std::string>> each;
  for (int i = 0; i < 27; ++i) many.push_back(absl::StrCat("o", i));
  for (const std::string& option : many) each.push_back({option});
  EXPECT_EQ(answers(DecisionKind::kRekey, {many}), wrong);
  EXPECT_EQ(answers(DecisionKind::kMultiple, each), wrong);
  many.pop_back();
  each.pop_back();
  EXPECT_EQ(answers(DecisionKind::kRekey, {many}), Names{});
  EXPECT_EQ(answers(DecisionKind::kMultiple, each), Names{});
  const auto versions = [&](uint32_t count) {
    return with([count](auto& d) {
      for (uint32_t v = 1; v <= count; ++v) d.item_versions.push_back(v);
    });
  };
  EXPECT_EQ(versions(100), Names{});
  EXPECT_EQ(versions(101), Names{"decisions[0].item_versions"});
  EXPECT_EQ(answers(DecisionKind::kMultiple, {{"a"}}), wrong);
  EXPECT_EQ(answers(DecisionKind::kMultiple, {{"a", "b"}, {"b", "a"}}), wrong);
  EXPECT_EQ(answers(DecisionKind::kMultiple, {{"a"}, {"b"}}), Names{});
  EXPECT_EQ(ReasonOf(Canonical({good, good}).status()), "RESCORING_INVALID");
  EXPECT_EQ(ReasonOf(Canonical(std::vector<KeyDecision>(201, good)).status()), "RESCORING_INVALID");
}

TEST(Decisions, ReadBackAsWrittenWhateverOrderTheyCameIn) {
  const KeyDecision a{.item_id = "a: 1\n",
                      .item_versions = {3, 1},
                      .kind = DecisionKind::kMultiple,
                      .accepted = {{"d", "b"}, {"a"}},
                      .reason = "12:ü"};
  const KeyDecision b{.item_id = "b",
                      .item_versions = {},
                      .kind = DecisionKind::kCredit,
                      .accepted = {},
                      .reason = "r"};
  const auto decisions = *Canonical({b, a});
  EXPECT_EQ(Serialize(decisions), Serialize(*Canonical({a, b})));
  const std::string text = Serialize(decisions);
  EXPECT_EQ(*ParseDecisions(text), decisions);
  for (size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(ParseDecisions(text.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(ParseDecisions(text + "x").ok());
}

TEST(KeyTextTest, ReadsBackAndSharesWhatFormsShare) {
  std::map<std::string, std::string, std::less<>> parts;
  const auto find = [&](std::string_view hash) -> absl::StatusOr<KeyPart> {
    const auto at = parts.find(hash);
    if (at == parts.end()) return absl::NotFoundError("no such part");
    return ParseKeyPart(at->second);
  };
  const ScoringKey key = BankKey(41);
  const KeyText text = Serialize(key);
  parts.insert(text.parts.begin(), text.parts.end());
  EXPECT_EQ(parts.size(), key.items.size() + 1);
  EXPECT_EQ(*ParseKey(text.body, find), key);
  EXPECT_LT(text.body.size(), 65u * 64);
  // Another form of the same items in another order adds no part.
  ScoringKey other = key;
  other.form_id = "form-2";
  std::reverse(other.items.begin(), other.items.end());
  for (KeyedItem& item : other.items) {
    std::reverse(item.authored_option_ids.begin(), item.authored_option_ids.end());
  }
  const KeyText again = Serialize(other);
  for (const auto& [hash, body] : again.parts) EXPECT_EQ(parts.at(hash), body);
  EXPECT_EQ(*ParseKey(again.body, find), other);
  // One from before options were told apart.
  for (KeyedItem& item : other.items) item.authored_option_ids.clear();
  const KeyText old = Serialize(other);
  parts.insert(old.parts.begin(), old.parts.end());
  EXPECT_EQ(*ParseKey(old.body, find), other);
  for (size_t length = 0; length < text.body.size(); length += 7) {
    EXPECT_FALSE(ParseKey(text.body.substr(0, length), find).ok()) << length;
  }
  for (const auto& [hash, body] : text.parts) {
    EXPECT_FALSE(ParseKeyPart(body.substr(0, body.size() / 2)).ok());
  }
  parts.erase(text.parts.back().first);
  EXPECT_FALSE(ParseKey(text.body, find).ok());
}

}  // namespace
}  // namespace invigil::scoring
