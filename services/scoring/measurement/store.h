// What is kept of measurement work: settings, proposals, who accepted them and what they cover. A
// database of its own beside the scores, so that its large rows never make a seal wait.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/scoring/domain/key.h"
#include "services/scoring/store/rescoring_store.h"

namespace invigil::sql {
class Database;
class Statement;
}  // namespace invigil::sql

namespace invigil::scoring {

// The numbers are stored.
enum class WorkKind { kCalibration = 1, kPromotion = 2, kEquating = 3, kStandardSetting = 4 };
// Those of MeasurementState in the contract.
enum class WorkState {
  kRunning = 1,
  kProposed = 2,
  kApplying = 3,
  kAccepted = 4,
  kCancelled = 5,
  kFailed = 6
};

// One piece of work. Settings, progress, result and acceptance are messages of the contract,
// serialised; each is written once and never changed, progress apart.
struct WorkRecord {
  std::string id;
  WorkKind kind = WorkKind::kCalibration;
  std::string exam_id, author, request_id, reason;
  WorkState state = WorkState::kRunning;
  Time create_time;
  std::string asked;  // the request itself, by which a repeat is known
  std::string settings, progress, result;
  std::string digest;   // of the result; what an acceptance names
  std::string problem;  // why it failed
  std::string approver;
  std::string acceptance;  // what exactly was accepted
  std::string outcome;     // what accepting it brought, such as an exam's version
};

// What an accepted equating covers.
struct Coverage {
  std::vector<std::string> form_ids;
  std::vector<std::pair<std::string, uint32_t>> items;  // the bank's ids and versions
};

// A step of a piece of work: happens whole, or not at all when the work is not in `from` any more.
struct WorkStep {
  std::string id;
  std::vector<WorkState> from;
  WorkState to = WorkState::kRunning;
  std::string actor, act, reason, act_digest;
  std::optional<std::string> result, digest, problem, approver, acceptance, outcome;
  std::optional<Coverage> coverage;  // of an equating that is accepted
  Time now;
};

// Thread-safe. Every method blocks on the disk: call them on an executor or on the worker's thread.
// Each passes on the errors of sql::Statement::Step; writes also UNAVAILABLE (CONTENDED).
class MeasurementStore {
 public:
  // `location` as sql::Database::Open takes it. Errors: those of Open and Migrate.
  static absl::StatusOr<std::unique_ptr<MeasurementStore>> Open(
      const std::string& location, const std::string& schema = "invigil_measurement");
  ~MeasurementStore();

  // Stores it with its first act and gives it as stored; id, state and create time of the record
  // count. The same author's request id of a kind gives what it gave before. Errors:
  // INVALID_ARGUMENT (REQUEST_ID_REUSED) for other settings.
  absl::StatusOr<WorkRecord> Create(const WorkRecord& record);
  // Errors: NOT_FOUND (CALIBRATION_NOT_FOUND, PROMOTION_NOT_FOUND, EQUATING_NOT_FOUND,
  // STANDARD_SETTING_NOT_FOUND).
  absl::StatusOr<WorkRecord> Get(WorkKind kind, const std::string& id);
  // The newest first, those behind `before` (empty: from the newest); `exam_id` empty: of all.
  absl::StatusOr<std::vector<WorkRecord>> List(WorkKind kind, const std::string& exam_id,
                                               const std::string& before, size_t limit);
  absl::StatusOr<std::vector<ActRecord>> ListActs(const std::string& id);
  // What is left to be computed or written to the item bank, the oldest first.
  absl::StatusOr<std::vector<WorkRecord>> ListUnfinished();
  // Takes the work over for a while, unless another process has it.
  absl::StatusOr<bool> Claim(const std::string& id, const std::string& owner, Time now, Time until);
  // Progress of running work; its lease lasts until `until`. false: it runs no more.
  absl::StatusOr<bool> Progress(const std::string& id, const std::string& progress, Time until);
  // Gives it as it is then. Errors: ABORTED (MEASUREMENT_MOVED): read it again.
  absl::StatusOr<WorkRecord> Take(WorkKind kind, const WorkStep& step);

  // The accepted equating behind a form's conversion: of the form itself, or the newest one of
  // those that cover its scored items, if each is covered. Empty: the form is provisional.
  absl::StatusOr<std::string> EquatingOf(const ScoringKey& key);

 private:
  explicit MeasurementStore(std::unique_ptr<sql::Database> db);
  absl::Status Write(const std::function<absl::Status(sql::Database&)>& work);
  absl::Status AddAct(sql::Database& db, const std::string& id, ActRecord act);

  struct Covered {
    int64_t sequence = 0;
    std::string equating_id;
  };
  struct ExamCoverage {
    int64_t sequence = -1;
    std::map<std::string, Covered> forms;
    std::map<std::pair<std::string, uint32_t>, Covered> items;
  };
  absl::Status Refresh(const std::string& exam_id, ExamCoverage& coverage);

  std::mutex mutex_;
  std::unique_ptr<sql::Database> db_;              // under mutex_
  std::map<std::string, ExamCoverage> coverages_;  // under mutex_
};

// Whether a chain of acts is as it was written.
bool ActsIntact(const std::string& id, const std::vector<ActRecord>& acts);

}  // namespace invigil::scoring
