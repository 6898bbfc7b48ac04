// The one thread that writes scores. It takes everything that waits, up to a batch, into one
// transaction (group commit), so that thousands of seals in the same second share their fsyncs.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "common/sql/database.h"
#include "common/telemetry/metrics.h"
#include "services/scoring/store/score_store.h"

namespace invigil::scoring {

class ScoreWriter {
 public:
  // `db` is migrated and used by this thread alone from now on.
  ScoreWriter(sql::Database db, size_t queue_capacity, size_t batch_size);
  // Writes what waits, then stops.
  ~ScoreWriter();
  ScoreWriter(const ScoreWriter&) = delete;

  // See ScoreStore::Append.
  void Append(ScoreRecord score, ConversionRecord conversion, ScoreStore::Done done);

 private:
  struct Job {
    ScoreRecord score;
    ConversionRecord conversion;
    ScoreStore::Done done;
    absl::StatusOr<ScoreRecord> outcome = absl::UnknownError("not written");
  };

  void Loop();
  std::vector<Job> TakeBatch();
  // WriteTogether, again where another replica was first.
  absl::Status WriteAgainst(std::vector<Job>& jobs, size_t first, size_t last);
  // Fills the outcomes of [first, last); an error is the transaction's, and nothing of it is
  // stored.
  absl::Status WriteTogether(std::vector<Job>& jobs, size_t first, size_t last);
  // What one job comes to. An error of the result is the database's; the job's own is inside.
  absl::StatusOr<absl::StatusOr<ScoreRecord>> WriteOne(Job& job);
  absl::StatusOr<std::optional<ScoreRecord>> FindAttempt(const ScoreRecord& score);
  absl::StatusOr<bool> KeepConversion(const ConversionRecord& conversion);
  absl::StatusOr<uint32_t> NextVersion(const std::string& session_id);
  absl::Status Insert(const ScoreRecord& score);

  sql::Database db_;
  sql::Statement find_attempt_, find_conversion_, insert_conversion_, last_version_,
      insert_attempt_, insert_score_;
  const size_t queue_capacity_, batch_size_;
  telemetry::Gauge& depth_;
  telemetry::Counter& refused_;
  telemetry::Counter& failed_;
  telemetry::Histogram& batch_sizes_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;  // under mutex_
  bool stopping_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace invigil::scoring
