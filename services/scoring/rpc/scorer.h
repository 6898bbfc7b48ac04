// The service without its wire: fetches the key, scores, stores, answers. Each step waits on
// another thread, so the steps are methods and the call travels between them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/rpc/executor.h"
#include "common/telemetry/trace.h"
#include "services/scoring/domain/conversion.h"
#include "services/scoring/domain/explain.h"
#include "services/scoring/domain/responses.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/rpc/key_source.h"
#include "services/scoring/store/score_store.h"

namespace invigil::scoring {

struct ScoreRequest {
  std::string session_id;
  uint32_t attempt_version = 0;
  std::string form_id;
  std::vector<SealedResponse> responses;
  std::optional<SittingRecord> sitting{};  // unset: not known
  std::function<Duration()> time_left;     // of the caller's deadline; 0: too late
  telemetry::TraceContext trace;
};

struct ExplainedScore {
  ScoreRecord score;
  Conversion conversion;
  Explanation explanation;
};

// Thread-safe. What it is given outlives it, and it outlives the calls it was given.
class Scorer {
 public:
  Scorer(KeySource& keys, KeyRing& ring, ScoreStore& store, rpc::Executor& executor,
         const Clock& clock);

  using Done = std::function<void(absl::StatusOr<ScoreRecord>)>;
  // Scores and stores, once per (session, attempt version); `done` is called once, on any thread,
  // after the score is durable. A stored attempt answers without the item bank. Errors:
  // INVALID_ARGUMENT (RESPONSE_INVALID), ALREADY_EXISTS (SCORE_CONFLICT), NOT_FOUND
  // (FORM_NOT_FOUND), UNAVAILABLE (ITEM_BANK_UNAVAILABLE), FAILED_PRECONDITION (FORM_NOT_EQUATED),
  // RESOURCE_EXHAUSTED (OVERLOADED), DEADLINE_EXCEEDED (TOO_LATE), and those of the store.
  void ScoreSession(ScoreRequest request, Done done);

  // These block: call them on the executor. Errors: NOT_FOUND (SCORE_NOT_FOUND).
  absl::StatusOr<ScoreRecord> GetScore(const std::string& session_id, uint32_t score_version);
  absl::StatusOr<ExplainedScore> ExplainScore(const std::string& session_id,
                                              uint32_t score_version);

 private:
  struct Call;
  using CallPtr = std::shared_ptr<Call>;
  using KeyPtr = std::shared_ptr<const ScoringKey>;

  // Runs a step on the executor, unless the caller has given up or the queue is full.
  void RunStep(const CallPtr& call, std::function<absl::Status()> step);
  absl::Status LookUp(const CallPtr& call);
  void FetchKey(const CallPtr& call);
  absl::Status Write(const CallPtr& call, const KeyPtr& bank_key);
  absl::StatusOr<Conversion> ConversionFor(const ScoringKey& key, const ScoringKey& bank_key);
  absl::StatusOr<std::optional<Conversion>> StoredConversion(const std::string& form_id,
                                                             uint32_t key_version);

  KeySource& keys_;
  KeyRing& ring_;
  ScoreStore& store_;
  rpc::Executor& executor_;
  const Clock& clock_;
};

}  // namespace invigil::scoring
