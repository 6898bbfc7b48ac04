// The one thread that writes scores. It takes everything that waits, up to a batch, into one
// transaction (group commit), so that thousands of seals in the same second share their fsyncs.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/sql/database.h"
#include "common/telemetry/metrics.h"
#include "services/scoring/store/rescoring_tables.h"
#include "services/scoring/store/score_store.h"
#include "services/scoring/store/sitting_tables.h"

namespace invigil::scoring {

class ScoreWriter {
 public:
  // `db` is migrated and used by this thread alone from now on. `shared_lock`: see RescoringTables.
  ScoreWriter(sql::Database db, const std::string& shared_lock, size_t queue_capacity,
              size_t batch_size);
  // Writes what waits, then stops.
  ~ScoreWriter();
  ScoreWriter(const ScoreWriter&) = delete;

  // See ScoreStore::Append.
  void Append(ScoreRecord score, ConversionRecord conversion, ScoreStore::Done done);

  // Runs `work` in a transaction of its own, between two batches of scores, and gives its status
  // after the commit. It may run several times, when other replicas were first. Blocks; not from
  // this thread. Errors besides: UNAVAILABLE (CONTENDED, SHUTTING_DOWN).
  using Work = std::function<absl::Status(RescoringTables&)>;
  absl::Status Run(const Work& work);
  // For use inside such work only.
  SittingWrites& sittings() { return sittings_; }

 private:
  struct Job {
    ScoreRecord score;
    ConversionRecord conversion;
    ScoreStore::Done done;
    absl::StatusOr<ScoreRecord> outcome = absl::UnknownError("not written");
  };

  struct Task {
    const Work* work = nullptr;
    std::function<void(absl::Status)> done;
  };

  void Loop();
  // What waits, or nothing when it is time to end.
  std::vector<Job> TakeBatch(std::vector<Task>& tasks);
  void WriteBatch(std::vector<Job>& jobs);
  absl::Status RunTask(const Work& work);
  // WriteTogether, again where another replica was first.
  absl::Status WriteAgainst(std::vector<Job>& jobs, size_t first, size_t last);
  // Fills the outcomes of [first, last); an error is the transaction's, and nothing of it is
  // stored.
  absl::Status WriteTogether(std::vector<Job>& jobs, size_t first, size_t last);
  // What one job comes to. An error of the result is the database's; the job's own is inside.
  absl::StatusOr<absl::StatusOr<ScoreRecord>> WriteOne(Job& job);
  absl::StatusOr<std::optional<ScoreRecord>> FindAttempt(const ScoreRecord& score);
  // How the exam's keys stand for this transaction.
  absl::StatusOr<ExamKeys> Hold(const std::string& exam_id);
  absl::Status Insert(const ScoreRecord& score, int64_t epoch);

  sql::Database db_;
  RescoringTables tables_;
  SittingWrites sittings_;
  sql::Statement find_attempt_, insert_attempt_;
  std::map<std::string, ExamKeys> held_;  // in the transaction that is open
  const size_t queue_capacity_, batch_size_;
  telemetry::Gauge& depth_;
  telemetry::Counter& refused_;
  telemetry::Counter& failed_;
  telemetry::Histogram& batch_sizes_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;   // under mutex_
  std::deque<Task> tasks_;  // under mutex_
  bool stopping_ = false;   // under mutex_
  std::thread thread_;
};

}  // namespace invigil::scoring
