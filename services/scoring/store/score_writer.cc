#include "services/scoring/store/score_writer.h"

#include <algorithm>
#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/store/schema.h"

namespace invigil::scoring {
namespace {

constexpr int kRaceAttempts = 5;

}  // namespace

ScoreWriter::ScoreWriter(sql::Database db, size_t queue_capacity, size_t batch_size)
    : db_(std::move(db)),
      find_attempt_(db_.MustPrepare(std::string(kSelectScore) +
                                    "WHERE a.session_id = ? AND a.attempt_version = ? "
                                    "AND s.score_version = a.first_score_version")),
      find_conversion_(
          db_.MustPrepare("SELECT hash FROM conversion WHERE form_id = ? AND key_version = ?")),
      insert_conversion_(db_.MustPrepare(
          "INSERT INTO conversion (form_id, key_version, hash, body) VALUES (?, ?, ?, ?)")),
      last_version_(db_.MustPrepare(
          "SELECT COALESCE(MAX(score_version), 0) FROM score WHERE session_id = ?")),
      insert_attempt_(db_.MustPrepare("INSERT INTO attempt (session_id, attempt_version, form_id, "
                                      "responses_hash, responses, first_score_version) "
                                      "VALUES (?, ?, ?, ?, ?, ?)")),
      insert_score_(db_.MustPrepare(
          "INSERT INTO score (session_id, score_version, attempt_version, key_version, "
          "conversion_hash, responses_hash, exam_id, exam_version, raw_score, scaled_score, "
          "passed, score_time_us, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      queue_capacity_(queue_capacity),
      batch_size_(batch_size),
      depth_(telemetry::GetGauge("invigil_scoring_writer_queue_depth",
                                 "Scores waiting to be written")),
      refused_(telemetry::GetCounter("invigil_scoring_writer_refused_total",
                                     "Scores refused because too many waited")),
      failed_(telemetry::GetCounter("invigil_scoring_commit_failures_total",
                                    "Transactions that the database refused")),
      batch_sizes_(telemetry::GetHistogram("invigil_scoring_commit_batch_size",
                                           "Scores written by one transaction",
                                           {1, 2, 4, 8, 16, 32, 64, 128})),
      thread_([this] { Loop(); }) {}

ScoreWriter::~ScoreWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ScoreWriter::Append(ScoreRecord score, ConversionRecord conversion, ScoreStore::Done done) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_ && queue_.size() < queue_capacity_) {
      queue_.push_back({std::move(score), std::move(conversion), std::move(done)});
      depth_.Set(static_cast<double>(queue_.size()));
      wake_.notify_one();
      return;
    }
  }
  refused_.Add();
  done(ResourceExhausted("OVERLOADED", "too many scores wait to be written; try again"));
}

std::vector<ScoreWriter::Job> ScoreWriter::TakeBatch() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  const auto end = queue_.begin() + static_cast<ptrdiff_t>(std::min(queue_.size(), batch_size_));
  std::vector<Job> jobs(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  depth_.Set(static_cast<double>(queue_.size()));
  return jobs;
}

void ScoreWriter::Loop() {
  for (std::vector<Job> jobs = TakeBatch(); !jobs.empty(); jobs = TakeBatch()) {
    // In one order for all replicas: else two that have the same seals wait for each other in a
    // circle.
    std::stable_sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) {
      return a.score.session_id < b.score.session_id;
    });
    batch_sizes_.Observe(static_cast<double>(jobs.size()));
    if (!WriteAgainst(jobs, 0, jobs.size()).ok()) {
      // One bad row must not fail its neighbours: each gets a transaction of its own.
      for (size_t i = 0; i < jobs.size(); ++i) {
        const absl::Status status = WriteAgainst(jobs, i, i + 1);
        if (status.ok()) continue;
        failed_.Add();
        jobs[i].outcome = status;
      }
    }
    for (Job& job : jobs) job.done(std::move(job.outcome));
  }
}

// Other replicas write too; one that was first is found by the next attempt.
absl::Status ScoreWriter::WriteAgainst(std::vector<Job>& jobs, size_t first, size_t last) {
  absl::Status status;
  for (int attempt = 0; attempt < kRaceAttempts; ++attempt) {
    status = WriteTogether(jobs, first, last);
    if (status.ok() || !sql::IsRace(status)) return status;
  }
  return Unavailable("CONTENDED", "other replicas write the same scores; try again", Millis(50));
}

absl::Status ScoreWriter::WriteTogether(std::vector<Job>& jobs, size_t first, size_t last) {
  // A key stands behind each row: attempt, conversion, and the version of a session's score.
  auto transaction = sql::Transaction::Begin(db_, sql::Isolation::kByKeys);
  if (!transaction.ok()) return transaction.status();
  for (size_t i = first; i < last; ++i) {
    auto outcome = WriteOne(jobs[i]);
    if (!outcome.ok()) return outcome.status();
    jobs[i].outcome = *std::move(outcome);
  }
  return transaction->Commit();
}

absl::StatusOr<absl::StatusOr<ScoreRecord>> ScoreWriter::WriteOne(Job& job) {
  using Outcome = absl::StatusOr<ScoreRecord>;
  ScoreRecord& score = job.score;
  auto stored = FindAttempt(score);
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) {
    if ((*stored)->form_id == score.form_id && (*stored)->responses == score.responses) {
      return Outcome(*std::move(*stored));
    }
    return Outcome(ScoreConflict(score.session_id, score.attempt_version));
  }
  const auto kept = KeepConversion(job.conversion);
  if (!kept.ok()) return kept.status();
  if (!*kept) {
    return Outcome(
        Aborted("CONVERSION_CONFLICT", "the form has another conversion; score with that one")
            .With("form_id", score.form_id));
  }
  const auto version = NextVersion(score.session_id);
  if (!version.ok()) return version.status();
  score.score_version = *version;
  INVIGIL_RETURN_IF_ERROR(Insert(score));
  return Outcome(score);  // a copy: a batch that fails is written again from the job
}

absl::StatusOr<std::optional<ScoreRecord>> ScoreWriter::FindAttempt(const ScoreRecord& score) {
  find_attempt_.BindText(1, score.session_id).Bind(2, int64_t{score.attempt_version});
  const auto row = find_attempt_.Step();
  if (!row.ok()) return row.status();
  std::optional<ScoreRecord> found;
  if (*row) found = ReadScore(find_attempt_);
  find_attempt_.Reset();
  return found;
}

// Whether the form's conversion is now this one.
absl::StatusOr<bool> ScoreWriter::KeepConversion(const ConversionRecord& conversion) {
  find_conversion_.BindText(1, conversion.form_id).Bind(2, int64_t{conversion.key_version});
  const auto row = find_conversion_.Step();
  if (!row.ok()) return row.status();
  if (*row) {
    const bool same = find_conversion_.View(0) == conversion.hash;
    find_conversion_.Reset();
    return same;
  }
  find_conversion_.Reset();
  insert_conversion_.BindText(1, conversion.form_id)
      .Bind(2, int64_t{conversion.key_version})
      .BindText(3, conversion.hash)
      .BindText(4, conversion.text);
  INVIGIL_RETURN_IF_ERROR(insert_conversion_.Run());
  return true;
}

absl::StatusOr<uint32_t> ScoreWriter::NextVersion(const std::string& session_id) {
  last_version_.BindText(1, session_id);
  const auto row = last_version_.Step();
  if (!row.ok()) return row.status();
  const auto version = static_cast<uint32_t>(last_version_.Int(0)) + 1;
  last_version_.Reset();
  return version;
}

absl::Status ScoreWriter::Insert(const ScoreRecord& score) {
  const std::string responses_hash = Sha256Hex(score.responses);
  insert_attempt_.BindText(1, score.session_id)
      .Bind(2, int64_t{score.attempt_version})
      .BindText(3, score.form_id)
      .BindText(4, responses_hash)
      .BindText(5, score.responses)
      .Bind(6, int64_t{score.score_version});
  INVIGIL_RETURN_IF_ERROR(insert_attempt_.Run());
  insert_score_.BindText(1, score.session_id)
      .Bind(2, int64_t{score.score_version})
      .Bind(3, int64_t{score.attempt_version})
      .Bind(4, int64_t{score.key_version})
      .BindText(5, score.conversion_hash)
      .BindText(6, responses_hash)
      .BindText(7, score.exam_id)
      .Bind(8, int64_t{score.exam_version})
      .Bind(9, int64_t{score.raw_score})
      .Bind(10, int64_t{score.scaled_score})
      .Bind(11, int64_t{score.passed})
      .Bind(12, ToUnixMicros(score.score_time))
      .BindBlob(13, score.body);
  return insert_score_.Run();
}

}  // namespace invigil::scoring
