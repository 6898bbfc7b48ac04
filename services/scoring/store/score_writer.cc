#include "services/scoring/store/score_writer.h"

#include <algorithm>
#include <future>
#include <memory>
#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/store/schema.h"

namespace invigil::scoring {
namespace {

constexpr int kRaceAttempts = 5;

}  // namespace

ScoreWriter::ScoreWriter(sql::Database db, const std::string& shared_lock, size_t queue_capacity,
                         size_t batch_size)
    : db_(std::move(db)),
      tables_(db_, shared_lock),
      sittings_(db_),
      find_attempt_(db_.MustPrepare(std::string(kSelectScore) +
                                    "WHERE a.session_id = ? AND a.attempt_version = ? "
                                    "ORDER BY s.score_version DESC LIMIT 1")),
      insert_attempt_(db_.MustPrepare(
          "INSERT INTO attempt (session_id, attempt_version, form_id, responses_hash, responses, "
          "first_score_version, exam_id, epoch, scored_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")),
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

absl::Status ScoreWriter::Run(const Work& work) {
  // Shared: the writer may still be inside set_value when the caller has its answer.
  const auto promise = std::make_shared<std::promise<absl::Status>>();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return Unavailable("SHUTTING_DOWN", "the store is closing");
    tasks_.push_back({&work, [promise](absl::Status status) { promise->set_value(status); }});
  }
  wake_.notify_one();
  return promise->get_future().get();
}

std::vector<ScoreWriter::Job> ScoreWriter::TakeBatch(std::vector<Task>& tasks) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty() || !tasks_.empty(); });
  const auto end = queue_.begin() + static_cast<ptrdiff_t>(std::min(queue_.size(), batch_size_));
  std::vector<Job> jobs(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  depth_.Set(static_cast<double>(queue_.size()));
  // One at a time, so that scores never wait for more than that.
  if (!tasks_.empty()) {
    tasks.push_back(std::move(tasks_.front()));
    tasks_.pop_front();
  }
  return jobs;
}

void ScoreWriter::Loop() {
  for (;;) {
    std::vector<Task> tasks;
    std::vector<Job> jobs = TakeBatch(tasks);
    if (jobs.empty() && tasks.empty()) return;
    if (!jobs.empty()) WriteBatch(jobs);
    for (const Task& task : tasks) task.done(RunTask(*task.work));
  }
}

void ScoreWriter::WriteBatch(std::vector<Job>& jobs) {
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

absl::Status ScoreWriter::RunTask(const Work& work) {
  for (int attempt = 0; attempt < kRaceAttempts; ++attempt) {
    absl::Status status;
    {
      auto transaction = sql::Transaction::Begin(db_, sql::Isolation::kByKeys);
      status = transaction.ok() ? work(tables_) : transaction.status();
      if (status.ok()) status = transaction->Commit();
    }
    if (status.ok()) return status;
    tables_.Forget();
    if (!sql::IsRace(status)) return status;
  }
  return Unavailable("CONTENDED", "other replicas write the same; try again", Millis(50));
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
  held_.clear();
  absl::Status status;
  {
    // A key stands behind each row: attempt, conversion, and the version of a session's score.
    auto transaction = sql::Transaction::Begin(db_, sql::Isolation::kByKeys);
    if (!transaction.ok()) return transaction.status();
    for (size_t i = first; i < last && status.ok(); ++i) {
      auto outcome = WriteOne(jobs[i]);
      status = outcome.status();
      if (outcome.ok()) jobs[i].outcome = *std::move(outcome);
    }
    if (status.ok()) status = transaction->Commit();
  }
  if (!status.ok()) tables_.Forget();
  return status;
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
  const auto keys = Hold(score.exam_id);
  if (!keys.ok()) return keys.status();
  if (keys->revision != score.key_revision) {
    return Outcome(Aborted("KEY_REVISED", "the exam's key was revised; score with the new one")
                       .With("exam_id", score.exam_id));
  }
  const auto kept = tables_.KeepConversion(job.conversion);
  if (!kept.ok()) return kept.status();
  if (!*kept) {
    return Outcome(
        Aborted("CONVERSION_CONFLICT", "the form has another conversion; score with that one")
            .With("form_id", score.form_id));
  }
  INVIGIL_RETURN_IF_ERROR(tables_.KeepKey(job.conversion.key));
  const auto version = tables_.NextVersion(score.session_id);
  if (!version.ok()) return version.status();
  score.score_version = *version;
  INVIGIL_RETURN_IF_ERROR(Insert(score, keys->epoch));
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

absl::StatusOr<ExamKeys> ScoreWriter::Hold(const std::string& exam_id) {
  const auto known = held_.find(exam_id);
  if (known != held_.end()) return known->second;
  auto keys = tables_.Hold(exam_id);
  if (keys.ok()) held_.emplace(exam_id, *keys);
  return keys;
}

absl::Status ScoreWriter::Insert(const ScoreRecord& score, int64_t epoch) {
  const std::string responses_hash = Sha256Hex(score.responses);
  insert_attempt_.BindText(1, score.session_id)
      .Bind(2, int64_t{score.attempt_version})
      .BindText(3, score.form_id)
      .BindText(4, responses_hash)
      .BindText(5, score.responses)
      .Bind(6, int64_t{score.score_version})
      .BindText(7, score.exam_id)
      .Bind(8, epoch)
      .Bind(9, ToUnixMicros(score.score_time));
  INVIGIL_RETURN_IF_ERROR(insert_attempt_.Run());
  if (score.sitting) {
    SittingRecord sitting = *score.sitting;
    sitting.session_id = score.session_id;
    sitting.attempt_version = score.attempt_version;
    sitting.exam_id = score.exam_id;
    INVIGIL_RETURN_IF_ERROR(sittings_.Put(sitting));
  }
  return tables_.InsertScore(score);
}

}  // namespace invigil::scoring
