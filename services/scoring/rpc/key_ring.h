// The keys that scores are made with: the form's as the item bank gave it, and what was decided
// about the exam's items since.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/scoring/domain/key_text.h"
#include "services/scoring/domain/rescoring.h"
#include "services/scoring/rpc/key_source.h"
#include "services/scoring/store/rescoring_store.h"

namespace invigil::scoring {

// Every revision of an exam's key up to the last.
struct ExamRevisions {
  uint32_t last = 0;
  std::vector<KeyRevision> revisions;
};

// Thread-safe; what it is given outlives it. Every method reads the store: call them on an
// executor.
class KeyRing {
 public:
  KeyRing(KeySource& keys, RescoringStore& store);

  // As they stand now; asks the store for one number each time. Errors: those of the store.
  absl::StatusOr<std::shared_ptr<const ExamRevisions>> RevisionsOf(const std::string& exam_id);
  // The form's key before any decision: the one kept (`kept`: KeyRecord::body, if it was read
  // already), or for forms scored before keys were kept the item bank's, waited for as long as
  // `patience`. Errors: those of KeySource and of the store.
  absl::StatusOr<std::shared_ptr<const ScoringKey>> BankKey(const std::string& form_id,
                                                            const std::string& kept,
                                                            Duration patience);
  // The accepted equating behind the form's conversion; empty: none, the form is provisional.
  absl::StatusOr<std::string> EquatingOf(const ScoringKey& key);
  // What EquatingOf asks; without it every form is provisional. Before the first call.
  using EquatingLookup = std::function<absl::StatusOr<std::string>(const ScoringKey&)>;
  void SetEquatings(EquatingLookup equatings) { equatings_ = std::move(equatings); }

 private:
  absl::StatusOr<KeyPart> Part(std::string_view hash);

  KeySource& keys_;
  RescoringStore& store_;
  EquatingLookup equatings_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const ExamRevisions>> revisions_;  // under mutex_
  std::unordered_map<std::string, KeyPart> parts_;                                   // under mutex_
};

// A key as it is kept.
KeyRecord RecordOf(const ScoringKey& bank_key);

}  // namespace invigil::scoring
