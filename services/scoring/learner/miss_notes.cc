#include "services/scoring/learner/miss_notes.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "services/scoring/domain/scoring.h"

namespace invigil::scoring {

absl::StatusOr<MissNotes> NotesOf(const Sitting& sitting, KeyExposure exposure) {
  MissNotes notes;
  if (exposure == KeyExposure::kNothing) return notes;
  const std::vector<KeyedItem>& items = sitting.key->items;
  std::map<std::string_view, const SealedResponse*> answers;
  for (const SealedResponse& response : sitting.responses) {
    answers.emplace(response.item_id, &response);
  }
  std::map<std::string_view, uint32_t> shown;
  for (const auto& [item_id, milliseconds] : sitting.record.shown) {
    shown.emplace(item_id, milliseconds);
  }
  // How far the learner got: the last item answered or shown.
  size_t reached = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (answers.contains(items[i].item_id) || shown.contains(items[i].item_id)) reached = i + 1;
  }
  std::map<MissKind, size_t> counts;
  for (size_t i = 0; i < items.size(); ++i) {
    const KeyedItem& item = items[i];
    const auto answer = answers.find(item.item_id);
    const bool answered = answer != answers.end() && !answer->second->option_ids.empty();
    const std::vector<std::string> none;
    const std::vector<std::string>& chosen = answered ? answer->second->option_ids : none;
    if (item.credit || (answered && IsRight(item, chosen))) continue;
    const auto near = NearMissOf(item.key_option_ids, chosen, exposure);
    if (!near.ok()) return near.status();
    const auto time = shown.find(item.item_id);
    MissTrail trail{.reached = i < reached,
                    .answered = answered,
                    .wanted = item.key_option_ids.size(),
                    .chosen = chosen.size(),
                    .near = near->has_value() && (*near)->near,
                    .log_mean = std::nullopt,
                    .log_deviation = std::nullopt,
                    .seconds_left = std::nullopt};
    // Without a time nothing is said about time.
    MissRules rules;
    if (time == shown.end()) {
      rules.rapid_least = rules.rapid_most = 0;
    } else {
      trail.seconds = time->second / 1000.0;
    }
    const auto kind = KindOf(trail, rules);
    if (!kind.ok()) return kind.status();
    MissNote note{.item_id = item.item_id, .position = i + 1, .kind = *kind, .note = {}};
    if (near->has_value()) {
      note.note = (*near)->note;
      note.own_right = (*near)->own_right;
      note.own_wrong = (*near)->own_wrong;
    }
    notes.misses.push_back(std::move(note));
    ++counts[*kind];
  }
  notes.counts.assign(counts.begin(), counts.end());
  std::stable_sort(notes.counts.begin(), notes.counts.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return notes;
}

}  // namespace invigil::scoring
