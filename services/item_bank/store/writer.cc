#include "services/item_bank/store/writer.h"

#include <utility>

#include "common/telemetry/metrics.h"

namespace invigil::item_bank {
namespace {

constexpr int kRaceAttempts = 8;

telemetry::Histogram& BatchSize() {
  static telemetry::Histogram& histogram =
      telemetry::GetHistogram("invigil_item_bank_commit_batch_size", "Jobs that shared one commit.",
                              {1, 2, 4, 8, 16, 32, 64});
  return histogram;
}

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, size_t capacity)
    : connection_(std::move(connection)),
      capacity_(capacity),
      savepoint_(connection_->db().MustPrepare("SAVEPOINT job")),
      undo_(connection_->db().MustPrepare("ROLLBACK TO job")),
      release_(connection_->db().MustPrepare("RELEASE job")),
      thread_([this] { Loop(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool Writer::Submit(Job job, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= capacity_) return false;
    queue_.push_back({std::move(job), std::move(done), absl::OkStatus()});
  }
  wake_.notify_one();
  return true;
}

void Writer::Loop() {
  std::vector<Entry> batch;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      while (!queue_.empty() && batch.size() < kBatch) {
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    BatchSize().Observe(static_cast<double>(batch.size()));
    Commit(batch);
    for (Entry& entry : batch) entry.done(entry.status);
    batch.clear();
  }
}

void Writer::Commit(std::vector<Entry>& batch) {
  absl::Status status;
  for (int attempt = 1; attempt <= kRaceAttempts; ++attempt) {
    status = RunAll(batch, attempt == kRaceAttempts);
    if (!sql::IsRace(status)) break;
  }
  if (status.ok()) return;
  if (sql::IsRace(status)) {
    status = Unavailable("CONTENDED", "other replicas write the same; try again", Millis(50));
  }
  // Nobody may rely on the batch: nothing of it is stored, or, with outcome=unknown, perhaps all of
  // it. Whoever thought it succeeded learns the reason; a repeat with the same request id is safe.
  for (Entry& entry : batch) {
    if (entry.status.ok() || sql::IsRace(entry.status)) entry.status = status;
  }
}

absl::Status Writer::RunAll(std::vector<Entry>& batch, bool last_attempt) {
  for (Entry& entry : batch) entry.status = absl::OkStatus();
  auto transaction = sql::Transaction::Begin(connection_->db());
  if (!transaction.ok()) return transaction.status();
  for (Entry& entry : batch) {
    INVIGIL_RETURN_IF_ERROR(savepoint_.Run());
    entry.status = entry.job(*connection_);
    // A key that is taken may be another replica's doing, which the next attempt sees; what is
    // taken still is the job's own mistake.
    if (sql::IsRace(entry.status) && !last_attempt) return entry.status;
    if (!entry.status.ok()) INVIGIL_RETURN_IF_ERROR(undo_.Run());
    INVIGIL_RETURN_IF_ERROR(release_.Run());
  }
  return transaction->Commit();
}

}  // namespace invigil::item_bank
