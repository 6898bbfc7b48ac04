// What the scoring service keeps for good: conversions, sealed attempts and their scores. Nothing
// is ever changed or removed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/scoring/store/sitting_store.h"

namespace invigil::scoring {

// One version of a session's score.
struct ScoreRecord {
  std::string session_id;
  uint32_t score_version = 0;    // given by the store, rising by 1 in a session
  uint32_t attempt_version = 0;  // which seal it scores
  std::string form_id;
  uint32_t key_version = 0;
  std::string conversion_hash;
  std::string exam_id;
  uint32_t exam_version = 0;
  uint32_t raw_score = 0;
  int32_t scaled_score = 0;
  bool passed = false;
  Time score_time;
  std::string responses;  // canonical text, see domain/responses.h: what replays the score
  std::string body;       // the whole score, encoded by the rpc room
  // The exam's key revision (rescoring_store.h) that was the last when it was scored; not kept.
  uint32_t key_revision = 0;
  std::string rescoring_id;  // that wrote this version; empty: the first score of its seal
  // How it was sat, kept with the first score of a seal; not read back. Session, seal and exam in
  // it are the record's.
  std::optional<SittingRecord> sitting{};
};

// A form's key as the item bank gave it, see domain/key_text.h.
struct KeyRecord {
  std::string form_id;
  std::string body;                                        // empty: none
  std::vector<std::pair<std::string, std::string>> parts;  // hash and text
};

struct ConversionRecord {
  std::string form_id;
  uint32_t key_version = 0;
  std::string hash;
  std::string text;  // see domain/conversion.h
  KeyRecord key;     // kept with the form's first conversion; not read back
};

// Thread-safe. Reads block on the disk: call them on an executor, never in a gRPC reaction.
// Besides the errors named, every method passes on those of sql::Statement::Step.
class ScoreStore {
 public:
  virtual ~ScoreStore() = default;

  // The newest score of the attempt; versions behind its first are rescores.
  virtual absl::StatusOr<std::optional<ScoreRecord>> FindAttempt(const std::string& session_id,
                                                                 uint32_t attempt_version) = 0;
  // `score_version` 0: the newest, which is the last version of the highest attempt, in whatever
  // order attempts arrived. Errors: NOT_FOUND (SCORE_NOT_FOUND).
  virtual absl::StatusOr<ScoreRecord> GetScore(const std::string& session_id,
                                               uint32_t score_version) = 0;
  virtual absl::StatusOr<std::optional<ConversionRecord>> FindConversion(const std::string& form_id,
                                                                         uint32_t key_version) = 0;

  using Done = std::function<void(absl::StatusOr<ScoreRecord>)>;
  // Stores the attempt, its score and, when it is new, the conversion, in one transaction, and
  // calls `done` once, after the commit, with what is stored: an attempt that is there already with
  // the same form and responses answers with its newest score and changes nothing. `done` runs on
  // the writer's thread, or on the caller's when the queue is full; it must be quick.
  // Errors: ALREADY_EXISTS (SCORE_CONFLICT) when the attempt is there with other responses or
  // another form; ABORTED (CONVERSION_CONFLICT) when the form has another conversion: read that one
  // and score with it; ABORTED (KEY_REVISED) when the exam's key revision is not the score's any
  // more: read the revisions and score again; RESOURCE_EXHAUSTED (OVERLOADED) when too many writes
  // wait; UNAVAILABLE (CONTENDED) when other replicas are always first.
  virtual void Append(ScoreRecord score, ConversionRecord conversion, Done done) = 0;
};

// The error of an attempt that is stored with other responses.
absl::Status ScoreConflict(const std::string& session_id, uint32_t attempt_version);

}  // namespace invigil::scoring
