#include "services/scoring/domain/rescoring.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "services/scoring/domain/packer.h"

namespace invigil::scoring {
namespace {

constexpr std::string_view kHeader = "invigil-decisions 1";
constexpr size_t kLongestId = 128, kLongestReason = 1000, kMostAnswers = 26;
// Of one decision. Options are displayed as the letters A to Z.
constexpr size_t kMostOptions = 26, kLongestOptionId = 64, kMostVersions = 100;

using Answers = std::vector<std::vector<std::string>>;

// Why the answers don't fit the kind; empty: they do.
std::string AnswersFault(const KeyDecision& decision) {
  const bool none =
      decision.kind != DecisionKind::kRekey && decision.kind != DecisionKind::kMultiple;
  if (none) return decision.accepted.empty() ? "" : "belongs to REKEY and MULTIPLE only";
  if (decision.kind == DecisionKind::kRekey && decision.accepted.size() != 1) {
    return "REKEY names the one right answer";
  }
  if (decision.kind == DecisionKind::kMultiple &&
      (decision.accepted.size() < 2 || decision.accepted.size() > kMostAnswers)) {
    return "MULTIPLE names 2 to 26 right answers";
  }
  for (const auto& answer : decision.accepted) {
    if (answer.empty()) return "an answer names at least one option";
    if (answer.size() > kMostOptions) return "an answer names at most 26 options";
    if (std::any_of(answer.begin(), answer.end(), [](const std::string& option) {
          return option.empty() || option.size() > kLongestOptionId;
        })) {
      return "an option's id has 1 to 64 characters";
    }
    if (std::adjacent_find(answer.begin(), answer.end()) != answer.end()) {
      return "an answer names an option twice";
    }
  }
  if (std::adjacent_find(decision.accepted.begin(), decision.accepted.end()) !=
      decision.accepted.end()) {
    return "an answer is named twice";
  }
  return "";
}

Error Impossible(const KeyDecision& decision, const ScoringKey& key, const std::string& why) {
  return FailedPrecondition("DECISION_IMPOSSIBLE",
                            "the decision about " + decision.item_id + " can't be carried out: " +
                                why + "; correct it or name the versions it holds for")
      .With("item_id", decision.item_id)
      .With("form_id", key.form_id);
}

// An answer in the letters of this form. Nothing: an option is not on the item.
std::vector<std::string> Displayed(const std::vector<std::string>& answer, const KeyedItem& item) {
  std::vector<std::string> letters;
  for (const std::string& option : answer) {
    const auto at =
        std::find(item.authored_option_ids.begin(), item.authored_option_ids.end(), option);
    if (at == item.authored_option_ids.end()) return {};
    letters.emplace_back(1, static_cast<char>('A' + (at - item.authored_option_ids.begin())));
  }
  std::sort(letters.begin(), letters.end());
  return letters;
}

absl::Status Accept(const KeyDecision& decision, const ScoringKey& key, KeyedItem& item) {
  if (item.authored_option_ids.empty()) {
    return Impossible(decision, key, "the form does not tell which option is which");
  }
  Answers answers;
  for (const auto& answer : decision.accepted) {
    answers.push_back(Displayed(answer, item));
    if (answers.back().empty()) {
      return Impossible(decision, key,
                        absl::StrCat("version ", item.bank_item_version,
                                     " of the item does not have such an option"));
    }
  }
  std::sort(answers.begin(), answers.end());
  item.key_option_ids = answers.front();
  item.other_keys.assign(answers.begin() + 1, answers.end());
  return absl::OkStatus();
}

// Leaves the item as it is when it refuses.
absl::Status Decide(const KeyDecision& decision, const ScoringKey& key, KeyedItem& item) {
  switch (decision.kind) {
    case DecisionKind::kRekey:
    case DecisionKind::kMultiple:
      return Accept(decision, key, item);
    case DecisionKind::kDrop:
      item.operational = false;
      break;
    case DecisionKind::kCredit:
      item.credit = true;
      break;
    case DecisionKind::kKeep:
    case DecisionKind::kUnknown:
      break;
  }
  return absl::OkStatus();
}

bool SameItemsCount(const ScoringKey& a, const ScoringKey& b) {
  return std::equal(
      a.items.begin(), a.items.end(), b.items.begin(), b.items.end(),
      [](const KeyedItem& x, const KeyedItem& y) { return x.operational == y.operational; });
}

// A score but for what it rests on.
bool SaysTheSame(const Score& a, const Score& b) {
  Score copy = b;
  copy.key_version = a.key_version;
  copy.conversion_hash = a.conversion_hash;
  return copy == a;
}

}  // namespace

absl::StatusOr<std::vector<KeyDecision>> Canonical(std::vector<KeyDecision> decisions) {
  Error error =
      InvalidArgument("RESCORING_INVALID", "the decisions can't be taken; see the fields");
  bool good = decisions.size() <= kMostDecisions;
  if (!good) error.Field("decisions", absl::StrCat("at most ", kMostDecisions, " in one set"));
  std::set<std::string> items;
  for (size_t i = 0; i < decisions.size(); ++i) {
    KeyDecision& decision = decisions[i];
    const std::string path = absl::StrCat("decisions[", i, "].");
    const auto require = [&](bool ok, const char* field, const std::string& what) {
      if (!ok) error.Field(path + field, what);
      good &= ok;
    };
    std::sort(decision.item_versions.begin(), decision.item_versions.end());
    for (auto& answer : decision.accepted) std::sort(answer.begin(), answer.end());
    std::sort(decision.accepted.begin(), decision.accepted.end());
    require(!decision.item_id.empty() && decision.item_id.size() <= kLongestId, "item_id",
            "1 to 128 characters");
    require(items.insert(decision.item_id).second, "item_id", "is decided about twice");
    require(std::adjacent_find(decision.item_versions.begin(), decision.item_versions.end()) ==
                    decision.item_versions.end() &&
                (decision.item_versions.empty() || decision.item_versions[0] > 0),
            "item_versions", "versions from 1, each once");
    require(decision.item_versions.size() <= kMostVersions, "item_versions", "at most 100");
    require(decision.kind != DecisionKind::kUnknown, "kind", "is not one known here");
    const std::string fault = AnswersFault(decision);
    require(fault.empty(), "accepted", fault);
    require(!decision.reason.empty() && decision.reason.size() <= kLongestReason, "reason",
            "1 to 1000 characters");
  }
  if (!good) return error;
  std::sort(decisions.begin(), decisions.end(),
            [](const KeyDecision& a, const KeyDecision& b) { return a.item_id < b.item_id; });
  return decisions;
}

std::string Serialize(const std::vector<KeyDecision>& decisions) {
  Packer out;
  out.Text(kHeader).Number(decisions.size());
  for (const KeyDecision& decision : decisions) {
    out.Text(decision.item_id).Number(decision.item_versions.size());
    for (const uint32_t version : decision.item_versions) out.Number(version);
    out.Number(static_cast<int>(decision.kind)).Number(decision.accepted.size());
    for (const auto& answer : decision.accepted) out.Texts(answer);
    out.Text(decision.reason);
  }
  return out.Take();
}

absl::StatusOr<std::vector<KeyDecision>> ParseDecisions(std::string_view text) {
  Unpacker in(text);
  const bool known = in.View() == kHeader;
  std::vector<KeyDecision> decisions(in.Count());
  for (KeyDecision& decision : decisions) {
    decision.item_id = in.Text();
    decision.item_versions.resize(in.Count());
    for (uint32_t& version : decision.item_versions) version = in.Number<uint32_t>();
    decision.kind = static_cast<DecisionKind>(
        std::clamp(in.Number<int>(), 0, static_cast<int>(DecisionKind::kCredit)));
    decision.accepted.resize(in.Count());
    for (auto& answer : decision.accepted) answer = in.Texts();
    decision.reason = in.Text();
  }
  if (!known || !in.Done()) {
    return Internal("stored decisions can't be read: the database is damaged");
  }
  return decisions;
}

bool Concerns(const KeyDecision& decision, const KeyedItem& item) {
  if (!item.operational || item.bank_item_id != decision.item_id) return false;
  if (!decision.item_versions.empty()) {
    return std::binary_search(decision.item_versions.begin(), decision.item_versions.end(),
                              item.bank_item_version);
  }
  // Of every version, those that can be meant.
  return item.authored_option_ids.empty() ||
         std::all_of(decision.accepted.begin(), decision.accepted.end(),
                     [&](const auto& answer) { return !Displayed(answer, item).empty(); });
}

bool Concerns(const std::vector<KeyDecision>& decisions, const ScoringKey& key) {
  return std::any_of(key.items.begin(), key.items.end(), [&](const KeyedItem& item) {
    return std::any_of(decisions.begin(), decisions.end(),
                       [&](const KeyDecision& decision) { return Concerns(decision, item); });
  });
}

bool PassesBy(const std::vector<KeyDecision>& decisions, const ScoringKey& key) {
  return std::any_of(key.items.begin(), key.items.end(), [&](const KeyedItem& item) {
    return std::any_of(decisions.begin(), decisions.end(), [&](const KeyDecision& decision) {
      return item.operational && item.bank_item_id == decision.item_id &&
             decision.item_versions.empty() && !Concerns(decision, item);
    });
  });
}

absl::StatusOr<ScoringKey> KeyUnder(const ScoringKey& bank_key,
                                    std::span<const KeyRevision> revisions,
                                    std::vector<RefusedDecision>* refused) {
  ScoringKey key = bank_key;
  // By place, its decisions, the last one first.
  struct Asked {
    uint32_t revision;
    const KeyDecision* decision;
  };
  std::map<size_t, std::vector<Asked>> asked;
  uint32_t before = 0;
  for (const KeyRevision& revision : revisions) {
    if (revision.revision <= before) return Internal("revisions of a key are not in order");
    before = revision.revision;
    bool concerned = false;
    for (const KeyDecision& decision : revision.decisions) {
      for (size_t i = 0; i < bank_key.items.size(); ++i) {
        if (!Concerns(decision, bank_key.items[i])) continue;
        asked[i].insert(asked[i].begin(), {revision.revision, &decision});
        concerned = true;
      }
    }
    if (concerned) key.key_version = bank_key.key_version + revision.revision;
  }
  const auto refuse = [refused](uint32_t revision, absl::Status why) {
    if (refused != nullptr) refused->push_back({revision, std::move(why)});
  };
  std::map<size_t, Asked> dropped;
  for (const auto& [place, decisions] : asked) {
    for (const Asked& one : decisions) {
      absl::Status status = Decide(*one.decision, bank_key, key.items[place]);
      if (status.ok()) {
        if (one.decision->kind == DecisionKind::kDrop) dropped.emplace(place, one);
        break;
      }
      refuse(one.revision, std::move(status));
    }
  }
  if (!dropped.empty() && std::none_of(key.items.begin(), key.items.end(),
                                       [](const KeyedItem& item) { return item.operational; })) {
    for (const auto& [place, one] : dropped) {
      key.items[place] = bank_key.items[place];
      refuse(one.revision, Impossible(*one.decision, bank_key, "no item would be left to score"));
    }
  }
  return key;
}

absl::StatusOr<ScoringKey> KeyAtVersion(const ScoringKey& bank_key,
                                        std::span<const KeyRevision> revisions,
                                        uint32_t key_version) {
  const auto behind =
      std::find_if(revisions.begin(), revisions.end(), [&](const KeyRevision& revision) {
        return bank_key.key_version + revision.revision > key_version;
      });
  auto key = KeyUnder(bank_key, revisions.first(static_cast<size_t>(behind - revisions.begin())));
  if (key.ok() && key->key_version != key_version) {
    return Internal(absl::StrCat("no decision gives form ", bank_key.form_id, " the key version ",
                                 key_version));
  }
  return key;
}

absl::StatusOr<Conversion> ConversionUnder(const ScoringKey& key, const ScoringKey& bank_key,
                                           const Conversion* base) {
  if (base == nullptr || !SameItemsCount(key, bank_key)) return BuildConversion(key);
  Conversion conversion = *base;
  conversion.key_version = key.key_version;
  return conversion;
}

RescoringOutcome Judge(const Score& held, const Score& renewed, RescoringPolicy policy) {
  if (SaysTheSame(held, renewed)) return RescoringOutcome::kUnchanged;
  const bool fails = held.passed && !renewed.passed;
  const bool lower = renewed.scaled_score < held.scaled_score;
  switch (policy) {
    case RescoringPolicy::kNeverFail:
      return fails ? RescoringOutcome::kProtected : RescoringOutcome::kChanged;
    case RescoringPolicy::kNeverLower:
      return fails || lower ? RescoringOutcome::kProtected : RescoringOutcome::kChanged;
    case RescoringPolicy::kExact:
      break;
  }
  return RescoringOutcome::kChanged;
}

}  // namespace invigil::scoring
