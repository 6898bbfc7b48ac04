// What the scoring service keeps of corrected keys: revisions of an exam's key, rescorings with
// their previews and acts, and the outbox of new score versions that session has not taken over.
//
// How nobody is missed: an exam has an epoch and a key revision. A score is stored with the epoch
// it was written in, and only if it was made under the exam's last revision. Beginning a preview
// and approving one each begin an epoch, and wait for scores being written. So the preview is over
// all scores of earlier epochs, the scores between preview and approval are found by their epochs,
// and everything later has the new key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/scoring/domain/rescoring.h"
#include "services/scoring/store/score_store.h"

namespace invigil::scoring {

// An approved set of decisions.
struct RevisionRecord {
  uint32_t revision = 0;
  std::string rescoring_id;
  std::string decisions;  // canonical text, see domain/rescoring.h
  std::string author, approver;
  Time approve_time;
  std::string digest;  // SHA-256 of `decisions`
};

// What a rescoring is about: never changes.
struct RescoringDefinition {
  std::string exam_id;
  std::string decisions;  // canonical text
  RescoringPolicy policy = RescoringPolicy::kNeverFail;
  std::vector<std::string> form_ids;  // sorted; empty: all
  std::optional<Time> from, until;    // of the first score of the seal
  std::string reason;
  bool operator==(const RescoringDefinition&) const = default;
};
std::string Serialize(const RescoringDefinition& definition);
absl::StatusOr<RescoringDefinition> ParseDefinition(std::string_view text);

struct RescoringCounts {
  uint64_t seen = 0, touched = 0, changed = 0, fail_to_pass = 0, pass_to_fail = 0, raised = 0,
           lowered = 0, kept = 0, failed = 0, late = 0, superseded = 0, written = 0, skipped = 0;
  bool operator==(const RescoringCounts&) const = default;
};
std::string Serialize(const RescoringCounts& counts);
absl::StatusOr<RescoringCounts> ParseCounts(std::string_view text);

enum class RescoringStage {
  kPreviewing = 1,
  kPreviewed = 2,
  kApplying = 3,    // what the preview showed is written
  kCatchingUp = 4,  // what was scored since
  kDone = 5,
  kCancelled = 6,
};

struct RescoringRecord {
  std::string rescoring_id;
  std::string author;
  std::string request_id;
  RescoringDefinition definition;
  RescoringStage stage = RescoringStage::kPreviewing;
  Time create_time;
  uint32_t base_revision = 0;  // of the exam when it was made
  int64_t begin_epoch = 0;     // the preview is over earlier ones
  int64_t end_epoch = 0;       // begun by the approval; 0: none yet
  std::string place;           // the last session that is done in this stage
  RescoringCounts counts;
  uint64_t expected = 0;  // sessions of the exam when it was made, whatever the scope
  std::string digest;     // over every line of this stage so far
  std::string preview_digest;
  std::string approver;
};

// How a session stands by one key.
struct Standing {
  uint32_t raw_score = 0, raw_max = 0;
  int32_t scaled_score = 0;
  bool passed = false;
  bool operator==(const Standing&) const = default;
};

// What becomes of one session.
struct ChangeRecord {
  std::string session_id;
  RescoringOutcome outcome = RescoringOutcome::kChanged;
  uint32_t attempt_version = 0;
  uint32_t old_version = 0;  // of the score
  Standing held, renewed;    // `renewed` is empty when it failed
  uint32_t new_version = 0;  // 0: not written
  bool late = false;         // scored between preview and approval
  std::string problem;       // when it failed
  bool earlier = false;      // decisions of earlier rescorings reach it only now
  bool operator==(const ChangeRecord&) const = default;
};

// What a second person says to a preview.
struct Approval {
  std::string preview_digest;  // of the preview that was looked at
  std::string actor, reason;
  uint64_t accept_failures = 0;  // must be counts.failed
  bool accept_untouched = false;
};

struct ActRecord {
  uint32_t sequence = 0;
  Time act_time;
  std::string actor, act, reason, digest, hash;
};
// The hash of an act behind one with the hash `before` (empty: the first).
std::string HashOf(const ActRecord& act, const std::string& rescoring_id,
                   const std::string& before);

// A session's newest score, with the key of its form if that is kept.
struct ScoredSession {
  ScoreRecord score;  // without its body
  Time first_scored;
  std::string key;  // KeyRecord::body; empty: not kept
};

struct AmendmentRecord {
  uint64_t sequence = 0;
  ScoreRecord score;
};

// One stretch of a rescoring: everything of it is stored in one transaction, or nothing.
struct RescoringStep {
  std::string rescoring_id;
  // Where it must stand, else ABORTED (RESCORING_MOVED): somebody else went on with it.
  RescoringStage stage = RescoringStage::kPreviewing;
  std::string from_place;
  std::string to_place;
  RescoringCounts counts;  // from now on
  std::string digest;      // from now on
  // Put in the place of those of the same sessions; lines that an approval signed stay readable
  // (ChangeFilter::as_shown).
  std::vector<ChangeRecord> changes;
  struct NewScore {
    ScoreRecord score;  // its version and time are given by the store and the caller
    ConversionRecord conversion;
  };
  std::vector<NewScore> scores;  // each of a session in `changes`
  // The stage that begins, with the service's act for it if it has one.
  std::optional<RescoringStage> then;
  std::string act;
  Time now;
  Time lease_until;  // whoever goes on with it keeps others away so long
};

// Thread-safe. Every method blocks on the disk: call them on an executor or on the rescoring's own
// thread. Besides the errors named, each passes on those of sql::Statement::Step; writes also
// UNAVAILABLE (CONTENDED, SHUTTING_DOWN).
class RescoringStore {
 public:
  // Of one exam, that are not whole: each looks at all its sessions.
  static constexpr int64_t kMostPreviews = 16;

  virtual ~RescoringStore() = default;

  // The exam's last revision; 0: none.
  virtual absl::StatusOr<uint32_t> LastRevision(const std::string& exam_id) = 0;
  // In order.
  virtual absl::StatusOr<std::vector<RevisionRecord>> ListRevisions(const std::string& exam_id) = 0;

  virtual absl::StatusOr<std::optional<std::string>> FindKey(const std::string& form_id) = 0;
  virtual absl::StatusOr<std::optional<std::string>> FindKeyPart(std::string_view hash) = 0;

  // Stores it with the first act and begins an epoch; gives it as stored. Of the record author,
  // request id, definition and time count. The same author's request id gives what it gave before.
  // Errors: INVALID_ARGUMENT (REQUEST_ID_REUSED) for another definition, FAILED_PRECONDITION
  // (RESCORING_UNDER_WAY) while an approved one of the exam is written, RESOURCE_EXHAUSTED
  // (OVERLOADED) while kMostPreviews of the exam are not whole.
  virtual absl::StatusOr<RescoringRecord> CreateRescoring(RescoringRecord record) = 0;
  // Errors: NOT_FOUND (RESCORING_NOT_FOUND).
  virtual absl::StatusOr<RescoringRecord> GetRescoring(const std::string& rescoring_id) = 0;
  // The newest first, those behind `before` (empty: from the newest); `exam_id` empty: of all.
  virtual absl::StatusOr<std::vector<RescoringRecord>> ListRescorings(const std::string& exam_id,
                                                                      const std::string& before,
                                                                      size_t limit) = 0;
  virtual absl::StatusOr<std::vector<ActRecord>> ListActs(const std::string& rescoring_id) = 0;
  // See ApproveRescoring in the contract for the errors.
  virtual absl::StatusOr<RescoringRecord> Approve(const std::string& rescoring_id,
                                                  const Approval& approval, Time now) = 0;
  // Errors: NOT_FOUND (RESCORING_NOT_FOUND), FAILED_PRECONDITION (RESCORING_APPROVED).
  virtual absl::StatusOr<RescoringRecord> Cancel(const std::string& rescoring_id,
                                                 const std::string& actor,
                                                 const std::string& reason, Time now) = 0;

  // Rescorings on which something is left to be done, without a person.
  virtual absl::StatusOr<std::vector<RescoringRecord>> ListUnfinished() = 0;
  // Takes the work on one over for a while, unless somebody else has it. A lease only saves work:
  // what is stored twice is refused by its place.
  virtual absl::StatusOr<bool> Claim(const std::string& rescoring_id, const std::string& owner,
                                     Time now, Time until) = 0;
  // Sessions of an exam in order of their ids behind `after`, each with the newest score of its
  // highest attempt, if that was first scored in an epoch from `from_epoch` to below `until_epoch`.
  // `done_to`: every session up to it is in the list or not asked for.
  struct Page {
    std::vector<ScoredSession> sessions;
    std::string done_to;
    bool last = false;
  };
  virtual absl::StatusOr<Page> ListScored(const std::string& exam_id, int64_t from_epoch,
                                          int64_t until_epoch, const std::string& after,
                                          size_t limit) = 0;
  // Errors: ABORTED (RESCORING_MOVED): read it again; ABORTED (CONVERSION_CONFLICT): a form has
  // another conversion.
  virtual absl::Status Store(const RescoringStep& step) = 0;

  struct ChangeFilter {
    std::optional<RescoringOutcome> outcome;
    bool flips_only = false;
    // As the preview showed them, late ones not; else as they stand.
    bool as_shown = false;
  };
  virtual absl::StatusOr<std::vector<ChangeRecord>> ListChanges(const std::string& rescoring_id,
                                                                const ChangeFilter& filter,
                                                                const std::string& after,
                                                                size_t limit) = 0;

  virtual absl::StatusOr<std::vector<AmendmentRecord>> ListAmendments(uint64_t after,
                                                                      size_t limit) = 0;
  virtual absl::Status AcknowledgeAmendments(const std::vector<uint64_t>& sequences) = 0;
};

}  // namespace invigil::scoring
