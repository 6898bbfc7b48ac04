// From a learner's sittings to what the signals take: which answers were to items seen for the
// first time, which sessions are full timed ones. Pure.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "services/scoring/domain/key.h"
#include "services/scoring/domain/responses.h"
#include "services/scoring/domain/signals/evidence.h"
#include "services/scoring/store/sitting_store.h"

namespace invigil::scoring {

// One sitting with what it was about. Sittings of every exam are needed: an item seen there is not
// new here.
struct Sitting {
  SittingRecord record;
  std::shared_ptr<const ScoringKey> key;  // with the decisions that hold now
  std::vector<SealedResponse> responses;  // canonical
  // How far the form may lie off the exam's scale, in logits; see FormError.
  double form_error = 0;
};

// What practice says of one exam.
struct History {
  // Sittings of the exam whose result may be told, by their end; `sessions` goes with them.
  std::vector<const Sitting*> sittings;
  std::vector<PracticeSession> sessions;
  // Of the exam, but their result is held back: nothing is told of them.
  std::vector<const Sitting*> held;
  // The newest form's blueprint, exam standard and scale. Null: no sitting of the exam.
  const ScoringKey* exam = nullptr;
};

// Standard deviation of a form's place on the scale: forms whose items were calibrated, and forms
// that rest on a judgement.
double FormError(const ScoringKey& key);

// `sittings` in the order in which they began (SittingStore::ListSittings). An item counts as seen
// from the first form that showed it, answered or not, whatever the exam and the sort of sitting.
// The result points into `sittings`. A domain that the newest form does not have is left out; so is
// a task.
History HistoryOf(std::span<const Sitting> sittings, const std::string& exam_id);

// Whether every response of a domain that has tasks names one: only then can time be split by them.
std::vector<bool> DomainsWithTasks(const History& history);

}  // namespace invigil::scoring
