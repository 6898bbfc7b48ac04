#include "services/scoring/learner/history.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "services/scoring/domain/scoring.h"

namespace invigil::scoring {
namespace {

// Practice forms that are drawn from calibrated items differ by about so much; judged ones by more.
constexpr double kCalibratedError = 0.15, kJudgedError = 0.25;
// A task that is not known: no domain has so many.
constexpr size_t kNoTask = static_cast<size_t>(-1);

struct Blueprint {
  std::map<std::string_view, size_t> domains;
  std::vector<std::map<std::string_view, size_t>> tasks;
};

Blueprint BlueprintOf(const ScoringKey& exam) {
  Blueprint blueprint;
  for (const DomainDefinition& domain : exam.domains) {
    blueprint.domains.emplace(domain.domain_id, blueprint.domains.size());
    auto& tasks = blueprint.tasks.emplace_back();
    for (const TaskDefinition& task : domain.tasks) tasks.emplace(task.task_id, tasks.size());
  }
  return blueprint;
}

PracticeSession SessionOf(const Sitting& sitting, const Blueprint& blueprint,
                          const std::set<std::string>& seen) {
  const ScoringKey& key = *sitting.key;
  PracticeSession session{.ended_at = sitting.record.end,
                          .timed = sitting.record.start.has_value(),
                          .paused = sitting.record.clock_stops > 0,
                          .revealed = sitting.record.revealed,
                          .equated = true,  // a scored form has a conversion
                          .form_error = sitting.form_error,
                          .responses = {}};
  std::map<std::string_view, const SealedResponse*> answers;
  for (const SealedResponse& response : sitting.responses) {
    answers.emplace(response.item_id, &response);
  }
  size_t operational = 0;
  for (const KeyedItem& item : key.items) {
    if (!item.operational) continue;
    ++operational;
    const auto domain = blueprint.domains.find(item.domain_id);
    if (domain == blueprint.domains.end()) continue;
    const auto& tasks = blueprint.tasks[domain->second];
    const auto task = tasks.find(item.task_id);
    const auto answer = answers.find(item.item_id);
    session.responses.push_back(
        {.irt = item.irt,
         .sample_size = item.sample_size,
         .domain = domain->second,
         .task = task == tasks.end() ? kNoTask : task->second,
         .first_seen = !seen.contains(item.bank_item_id),
         .right = item.credit ||
                  (answer != answers.end() && IsRight(item, answer->second->option_ids))});
  }
  session.full_length = sitting.record.kind != SittingKind::kDiagnostic &&
                        operational >= key.standard.base_form.size();
  return session;
}

}  // namespace

double FormError(const ScoringKey& key) {
  for (const KeyedItem& item : key.items) {
    if (item.operational && item.sample_size == 0) return kJudgedError;
  }
  return kCalibratedError;
}

History HistoryOf(std::span<const Sitting> sittings, const std::string& exam_id) {
  History history;
  for (const Sitting& sitting : sittings) {
    if (sitting.record.exam_id == exam_id) history.exam = sitting.key.get();
  }
  if (!history.exam) return history;
  const Blueprint blueprint = BlueprintOf(*history.exam);
  std::set<std::string> seen;
  struct Told {
    const Sitting* sitting;
    PracticeSession session;
  };
  std::vector<Told> told;
  for (const Sitting& sitting : sittings) {
    if (sitting.record.exam_id == exam_id) {
      if (sitting.record.held) {
        history.held.push_back(&sitting);
      } else {
        told.push_back({&sitting, SessionOf(sitting, blueprint, seen)});
      }
    }
    for (const KeyedItem& item : sitting.key->items) seen.insert(item.bank_item_id);
  }
  std::stable_sort(told.begin(), told.end(), [](const Told& a, const Told& b) {
    return a.session.ended_at < b.session.ended_at;
  });
  for (Told& one : told) {
    history.sittings.push_back(one.sitting);
    history.sessions.push_back(std::move(one.session));
  }
  return history;
}

std::vector<bool> DomainsWithTasks(const History& history) {
  std::vector<bool> with;
  for (const DomainDefinition& domain : history.exam->domains) {
    with.push_back(!domain.tasks.empty());
  }
  for (const PracticeSession& session : history.sessions) {
    for (const PracticeResponse& response : session.responses) {
      if (response.first_seen && response.task == kNoTask) with[response.domain] = false;
    }
  }
  return with;
}

}  // namespace invigil::scoring
