// The writes of rescoring.h's store, on the writer's connection and inside its transactions. Every
// method may run again from the start when another replica was first.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/sql/database.h"
#include "services/scoring/store/rescoring_store.h"

namespace invigil::scoring {

// Where an exam's keys stand.
struct ExamKeys {
  int64_t epoch = 0;
  uint32_t revision = 0;
};

class RescoringTables {
 public:
  // `shared_lock` is put behind a SELECT that must stand until the transaction ends: empty where
  // writers queue up anyway.
  RescoringTables(sql::Database& db, const std::string& shared_lock);

  // As they stand, and will until this transaction ends.
  absl::StatusOr<ExamKeys> Hold(const std::string& exam_id);
  absl::Status KeepKey(const KeyRecord& key);
  // Whether the form's conversion of that key version is now this one.
  absl::StatusOr<bool> KeepConversion(const ConversionRecord& conversion);
  // A version of a score behind the session's last.
  absl::StatusOr<uint32_t> NextVersion(const std::string& session_id);
  absl::Status InsertScore(const ScoreRecord& score);
  // After a transaction that was not committed: what it wrote is not there.
  void Forget() { known_parts_.clear(); }

  absl::StatusOr<RescoringRecord> Create(const RescoringRecord& record);
  absl::StatusOr<RescoringRecord> Approve(const std::string& rescoring_id, const Approval& approval,
                                          Time now);
  absl::StatusOr<RescoringRecord> Cancel(const std::string& rescoring_id, const std::string& actor,
                                         const std::string& reason, Time now);
  absl::StatusOr<bool> Claim(const std::string& rescoring_id, const std::string& owner, Time now,
                             Time until);
  absl::Status Store(const RescoringStep& step);
  absl::Status Acknowledge(const std::vector<uint64_t>& sequences);

 private:
  absl::StatusOr<RescoringRecord> Get(const std::string& rescoring_id);
  absl::StatusOr<ExamKeys> BeginEpoch(const std::string& exam_id, uint32_t more_revisions);
  absl::Status AddAct(const std::string& rescoring_id, Time now, const std::string& actor,
                      const std::string& act, const std::string& reason, const std::string& digest);
  // What an approval must not let pass.
  absl::Status CheckApproval(const RescoringRecord& record, const Approval& approval);
  absl::Status KeepShown(const std::string& rescoring_id, const std::string& session_id);
  absl::Status PutChange(const std::string& rescoring_id, const ChangeRecord& change);
  absl::Status WriteScore(const RescoringStep& step, const RescoringStep::NewScore& added);
  absl::StatusOr<int64_t> One(sql::Statement& statement);

  sql::Database& db_;
  sql::Statement hold_, add_exam_, begin_epoch_, epoch_, keep_part_, keep_key_, find_conversion_,
      insert_conversion_, last_version_, insert_score_, get_, by_request_, applying_, previewing_,
      expected_, insert_, approve_, insert_revision_, cancel_, claim_, advance_, keep_shown_,
      put_change_, written_, newest_, next_amendment_, amendment_head_, insert_amendment_,
      acknowledge_, last_act_, insert_act_;
  std::set<std::string> known_parts_;
};

// Errors that its face names.
absl::Status RescoringNotFound(const std::string& rescoring_id);

}  // namespace invigil::scoring
