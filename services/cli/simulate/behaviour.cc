#include "services/cli/simulate/behaviour.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "common/base/hash.h"

namespace invigil::cli {
namespace {

using session::v1::DisplayedItem;
using session::v1::ResponseWrite;

constexpr double kChangedShare = 0.1;
constexpr double kClearedShare = 0.25;  // of the changed ones
constexpr uint64_t kLargestBatch = 6;

std::vector<std::string> OptionIds(const DisplayedItem& displayed) {
  std::vector<std::string> ids;
  for (const auto& option : displayed.options()) ids.push_back(option.option_id());
  return ids;
}

std::vector<std::string> AnySelection(const DisplayedItem& displayed, Random& random) {
  std::vector<std::string> ids = OptionIds(displayed);
  random.Shuffle(ids);
  ids.resize(std::min<size_t>(ids.size(), std::max(1u, displayed.select_count())));
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Collects writes into saves, numbering them.
class Writer {
 public:
  Writer(SittingPlan& plan, Random& random) : plan_(plan), random_(random) {}

  void Write(const std::string& item_id, const std::vector<std::string>& option_ids) {
    if (room_ == 0) {
      plan_.saves.emplace_back();
      room_ = 1 + random_.Below(kLargestBatch);
    }
    ResponseWrite& write = plan_.saves.back().emplace_back();
    write.set_item_id(item_id);
    write.set_sequence(++sequences_[item_id]);
    write.set_cleared(option_ids.empty());
    for (const std::string& id : option_ids) write.add_option_ids(id);
    --room_;
  }
  // The next write opens a new save, so that no save names an item twice.
  void Flush() { room_ = 0; }

 private:
  SittingPlan& plan_;
  Random& random_;
  std::map<std::string, uint32_t> sequences_;
  uint64_t room_ = 0;
};

}  // namespace

double ProbabilityRight(const KnownItem& item, double theta) {
  const double g = item.lower_asymptote;
  return g + (1 - g) / (1 + std::exp(-item.slope * (theta - item.difficulty)));
}

std::vector<std::string> KeyedOptions(const DisplayedItem& displayed, const KnownItem& item) {
  std::vector<std::string> ids;
  for (const auto& option : displayed.options()) {
    if (item.key_texts.contains(option.text())) ids.push_back(option.option_id());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<std::string> WrongOptions(const DisplayedItem& displayed,
                                      const std::vector<std::string>& keyed, Random& random) {
  if (static_cast<uint32_t>(displayed.options_size()) <= displayed.select_count()) {
    return keyed;  // every option must be selected: nothing else can be
  }
  for (;;) {
    std::vector<std::string> ids = AnySelection(displayed, random);
    if (ids != keyed) return ids;
  }
}

SittingPlan PlanSitting(const session::v1::Session& session, const ItemBook& book, double theta,
                        uint64_t seed, const SectionRules& rules) {
  SittingPlan plan;
  uint32_t edits = 0;
  Random random(StableHash("sitting", seed));
  Writer writer(plan, random);
  std::vector<std::pair<std::string, std::vector<std::string>>> to_clear, to_change;
  for (const DisplayedItem& displayed : session.items()) {
    const KnownItem* known = book.Find(displayed);
    std::vector<std::string> answer;
    if (known == nullptr) {
      ++plan.items_unknown;
      answer = AnySelection(displayed, random);
    } else {
      const std::vector<std::string> keyed = KeyedOptions(displayed, *known);
      const bool right =
          Random(StableHash(known->bank_item_id, seed)).Uniform() < ProbabilityRight(*known, theta);
      plan.items_right += right ? 1 : 0;
      answer = right ? keyed : WrongOptions(displayed, keyed, random);
    }
    const bool may_change = !rules.edit_quota || edits < *rules.edit_quota;
    if (random.Uniform() >= kChangedShare || !may_change) {
      writer.Write(displayed.item_id(), answer);
      continue;
    }
    ++edits;
    writer.Write(displayed.item_id(), WrongOptions(displayed, answer, random));
    if (rules.forward_only) {  // no save names an item twice, and later none can be changed
      writer.Flush();
      writer.Write(displayed.item_id(), answer);
      continue;
    }
    auto& later = random.Uniform() < kClearedShare ? to_clear : to_change;
    later.emplace_back(displayed.item_id(), std::move(answer));
  }
  writer.Flush();
  for (const auto& [item_id, answer] : to_clear) writer.Write(item_id, {});
  writer.Flush();
  for (const auto& [item_id, answer] : to_clear) writer.Write(item_id, answer);
  for (const auto& [item_id, answer] : to_change) writer.Write(item_id, answer);
  return plan;
}

uint64_t CandidateSeed(uint64_t seed, int index) {
  return StableHash("candidate " + std::to_string(index), seed);
}

double DrawAbility(uint64_t seed, int index, double mean, double sd) {
  return mean + sd * Random(StableHash("ability", CandidateSeed(seed, index))).Normal();
}

}  // namespace invigil::cli
