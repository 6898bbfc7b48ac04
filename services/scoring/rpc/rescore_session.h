// One session by another key: what becomes of its score.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/conversion.h"
#include "services/scoring/domain/rescoring.h"
#include "services/scoring/domain/responses.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/store/rescoring_store.h"
#include "services/scoring/store/score_store.h"

namespace invigil::scoring {

struct RescoredSession {
  bool in_scope = false;
  bool touched = false;  // its form holds an item that was decided about
  bool skipped = false;  // a decision passes its form by, see PassesBy
  ChangeRecord change;   // outcome kUnchanged: nothing else of it counts
  // Of a change, when it was asked for; its time is not set.
  std::optional<RescoringStep::NewScore> score;
};

// What one rescoring makes of sessions. Thread-safe; what it is given outlives it.
class SessionRescorer {
 public:
  // Errors: those of reading the decisions and the exam's revisions, of which those up to the
  // rescoring's base count.
  static absl::StatusOr<std::unique_ptr<SessionRescorer>> Create(const RescoringRecord& record,
                                                                 KeyRing& ring, ScoreStore& scores);

  // Replays the score it has, scores the responses by the new key, and judges. What is wrong with
  // this one session is its outcome kFailed; an error is the store's or the item bank's and passes.
  absl::StatusOr<RescoredSession> Rescore(const ScoredSession& session, bool with_score);
  // After a conversion was stored by somebody else.
  void Forget();

 private:
  // A conversion with its text's hash.
  struct Table {
    Conversion conversion;
    std::string hash;
  };
  // What sessions with the same form share.
  struct FormKit {
    std::shared_ptr<const ScoringKey> bank_key;  // of touched forms
    bool touched = false;
    bool skipped = false;
    // Of touched forms, by the decisions before these.
    ScoringKey before;
    // Of touched forms; errors are the form's own.
    absl::StatusOr<ScoringKey> new_key = absl::UnknownError("");
    absl::StatusOr<Table> new_table = absl::UnknownError("");
  };

  SessionRescorer(KeyRing& ring, ScoreStore& scores) : ring_(ring), scores_(scores) {}
  bool InScope(const ScoredSession& session) const;
  absl::StatusOr<std::shared_ptr<const FormKit>> KitOf(const ScoredSession& session);
  absl::StatusOr<std::optional<Table>> StoredTable(const std::string& form_id,
                                                   uint32_t key_version);
  // The stored one, or one that is made. The inner error is the form's own.
  absl::StatusOr<absl::StatusOr<Table>> TableOf(const ScoringKey& key, const ScoringKey& bank_key);
  // Whether earlier decisions, that a policy or a scope kept from this score, change it already.
  absl::StatusOr<bool> EarlierDecisions(const Score& held,
                                        const std::vector<SealedResponse>& responses,
                                        const FormKit& kit);
  // What the scores of a form that were made with one key rest on.
  struct HeldKit {
    ScoringKey key;
    std::optional<Table> table;  // nothing: it is missing
  };
  absl::StatusOr<std::shared_ptr<const HeldKit>> HeldKitOf(const ScoreRecord& record,
                                                           const FormKit& kit);
  absl::StatusOr<Score> ScoreHeld(const ScoredSession& session,
                                  const std::vector<SealedResponse>& responses, const FormKit& kit);

  KeyRing& ring_;
  ScoreStore& scores_;
  RescoringDefinition definition_;
  std::string rescoring_id_;
  std::vector<KeyDecision> decisions_;
  std::vector<KeyRevision> before_, after_;  // the exam's, without and with these decisions
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const FormKit>> kits_;  // under mutex_
  std::map<std::pair<std::string, uint32_t>, std::shared_ptr<const HeldKit>>
      held_;  // by form and key version; under mutex_
};

// One version of a stored score, computed again.
struct Replayed {
  ScoreRecord score;
  std::string fault;  // empty: every byte came out again
};

// Errors: NOT_FOUND (SCORE_NOT_FOUND), those of the store and of KeySource. `score_version` 0:
// every version.
absl::StatusOr<std::vector<Replayed>> ReplayScores(const std::string& session_id,
                                                   uint32_t score_version, KeyRing& ring,
                                                   ScoreStore& scores);

}  // namespace invigil::scoring
