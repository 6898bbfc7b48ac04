#include "services/scoring/store/sql_score_store.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "common/error/error.h"
#include "common/sql/database.h"
#include "services/scoring/store/rescoring_reads.h"
#include "services/scoring/store/schema.h"
#include "services/scoring/store/score_writer.h"
#include "services/scoring/store/sitting_tables.h"

namespace invigil::scoring {
namespace {

// One read connection with its statements.
struct Reader {
  explicit Reader(sql::Database database)
      : db(std::move(database)),
        attempt(db.MustPrepare(std::string(kSelectScore) +
                               "WHERE a.session_id = ? AND a.attempt_version = ? "
                               "ORDER BY s.score_version DESC LIMIT 1")),
        version(db.MustPrepare(std::string(kSelectScore) +
                               "WHERE s.session_id = ? AND s.score_version = ?")),
        newest(db.MustPrepare(std::string(kSelectScore) +
                              "WHERE s.session_id = ? "
                              "ORDER BY s.attempt_version DESC, s.score_version DESC LIMIT 1")),
        conversion(db.MustPrepare(
            "SELECT hash, body FROM conversion WHERE form_id = ? AND key_version = ?")),
        rescorings(db),
        sittings(db) {}
  sql::Database db;
  sql::Statement attempt, version, newest, conversion;
  RescoringReads rescorings;
  SittingReads sittings;
};

// Lends readers; waits while all are out.
class ReaderPool {
 public:
  explicit ReaderPool(std::vector<std::unique_ptr<Reader>> readers) : free_(std::move(readers)) {}

  class Loan {
   public:
    explicit Loan(ReaderPool& pool) : pool_(pool), reader_(pool.Take()) {}
    ~Loan() { pool_.Return(std::move(reader_)); }
    Loan(const Loan&) = delete;
    Reader* operator->() { return reader_.get(); }

   private:
    ReaderPool& pool_;
    std::unique_ptr<Reader> reader_;
  };

 private:
  std::unique_ptr<Reader> Take() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return !free_.empty(); });
    auto reader = std::move(free_.back());
    free_.pop_back();
    return reader;
  }
  void Return(std::unique_ptr<Reader> reader) {
    {
      std::lock_guard lock(mutex_);
      free_.push_back(std::move(reader));
    }
    wake_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Reader>> free_;
};

// The one row a bound statement gives, if any.
absl::StatusOr<std::optional<ScoreRecord>> OneScore(sql::Statement& statement) {
  const auto row = statement.Step();
  if (!row.ok()) return row.status();
  std::optional<ScoreRecord> record;
  if (*row) record = ReadScore(statement);
  statement.Reset();
  return record;
}

class SqlScoreStore final : public ScoringStore {
 public:
  SqlScoreStore(std::unique_ptr<ScoreWriter> writer, std::vector<std::unique_ptr<Reader>> readers)
      : readers_(std::move(readers)), writer_(std::move(writer)) {}

  absl::StatusOr<std::optional<ScoreRecord>> FindAttempt(const std::string& session_id,
                                                         uint32_t attempt_version) override {
    ReaderPool::Loan reader(readers_);
    reader->attempt.BindText(1, session_id).Bind(2, int64_t{attempt_version});
    return OneScore(reader->attempt);
  }

  absl::StatusOr<ScoreRecord> GetScore(const std::string& session_id,
                                       uint32_t score_version) override {
    ReaderPool::Loan reader(readers_);
    sql::Statement& statement = score_version == 0 ? reader->newest : reader->version;
    statement.BindText(1, session_id);
    if (score_version != 0) statement.Bind(2, int64_t{score_version});
    auto record = OneScore(statement);
    if (!record.ok()) return record.status();
    if (!record->has_value()) {
      return NotFound("SCORE_NOT_FOUND", score_version == 0
                                             ? "the session has no score (yet)"
                                             : "the session has no such version of its score")
          .With("session_id", session_id);
    }
    return **std::move(record);
  }

  absl::StatusOr<std::optional<ConversionRecord>> FindConversion(const std::string& form_id,
                                                                 uint32_t key_version) override {
    ReaderPool::Loan reader(readers_);
    sql::Statement& statement = reader->conversion;
    statement.BindText(1, form_id).Bind(2, int64_t{key_version});
    const auto row = statement.Step();
    if (!row.ok()) return row.status();
    std::optional<ConversionRecord> record;
    if (*row) {
      record = ConversionRecord{.form_id = form_id,
                                .key_version = key_version,
                                .hash = statement.Text(0),
                                .text = statement.Text(1)};
    }
    statement.Reset();
    return record;
  }

  void Append(ScoreRecord score, ConversionRecord conversion, Done done) override {
    writer_->Append(std::move(score), std::move(conversion), std::move(done));
  }

  absl::StatusOr<std::optional<SittingRecord>> FindSitting(const std::string& session) override {
    ReaderPool::Loan reader(readers_);
    return reader->sittings.Find(session);
  }
  absl::StatusOr<std::vector<SittingRecord>> ListSittings(const std::string& learner) override {
    ReaderPool::Loan reader(readers_);
    return reader->sittings.List(learner);
  }
  absl::StatusOr<std::vector<std::string>> ListLearners(const std::string& exam_id,
                                                        const std::string& after,
                                                        size_t limit) override {
    ReaderPool::Loan reader(readers_);
    return reader->sittings.Learners(exam_id, after, limit);
  }
  absl::Status AssignSittings(const std::vector<std::string>& session_ids,
                              const std::string& learner) override {
    return writer_->Run(
        [&](RescoringTables&) { return writer_->sittings().Assign(session_ids, learner); });
  }
  absl::StatusOr<std::optional<PriorRecord>> FindPrior(const std::string& exam_id) override {
    ReaderPool::Loan reader(readers_);
    return reader->sittings.Prior(exam_id);
  }
  absl::Status PutPrior(const std::string& exam_id, const PriorRecord& prior) override {
    return writer_->Run(
        [&](RescoringTables&) { return writer_->sittings().PutPrior(exam_id, prior); });
  }

  absl::StatusOr<uint32_t> LastRevision(const std::string& exam_id) override {
    return Read(&RescoringReads::LastRevision, exam_id);
  }
  absl::StatusOr<std::vector<RevisionRecord>> ListRevisions(const std::string& exam_id) override {
    return Read(&RescoringReads::ListRevisions, exam_id);
  }
  absl::StatusOr<std::optional<std::string>> FindKey(const std::string& form_id) override {
    return Read(&RescoringReads::FindKey, form_id);
  }
  absl::StatusOr<std::optional<std::string>> FindKeyPart(std::string_view hash) override {
    return Read(&RescoringReads::FindKeyPart, hash);
  }
  absl::StatusOr<RescoringRecord> GetRescoring(const std::string& rescoring_id) override {
    return Read(&RescoringReads::Get, rescoring_id);
  }
  absl::StatusOr<std::vector<RescoringRecord>> ListRescorings(const std::string& exam_id,
                                                              const std::string& before,
                                                              size_t limit) override {
    return Read(&RescoringReads::List, exam_id, before, limit);
  }
  absl::StatusOr<std::vector<ActRecord>> ListActs(const std::string& rescoring_id) override {
    return Read(&RescoringReads::ListActs, rescoring_id);
  }
  absl::StatusOr<std::vector<RescoringRecord>> ListUnfinished() override {
    return Read(&RescoringReads::ListUnfinished);
  }
  absl::StatusOr<Page> ListScored(const std::string& exam_id, int64_t from_epoch,
                                  int64_t until_epoch, const std::string& after,
                                  size_t limit) override {
    return Read(&RescoringReads::ListScored, exam_id, from_epoch, until_epoch, after, limit);
  }
  absl::StatusOr<std::vector<ChangeRecord>> ListChanges(const std::string& rescoring_id,
                                                        const ChangeFilter& filter,
                                                        const std::string& after,
                                                        size_t limit) override {
    return Read(&RescoringReads::ListChanges, rescoring_id, filter, after, limit);
  }
  absl::StatusOr<std::vector<AmendmentRecord>> ListAmendments(uint64_t after,
                                                              size_t limit) override {
    return Read(&RescoringReads::ListAmendments, after, limit);
  }

  absl::StatusOr<RescoringRecord> CreateRescoring(RescoringRecord record) override {
    return Write<RescoringRecord>([&](RescoringTables& tables) { return tables.Create(record); });
  }
  absl::StatusOr<RescoringRecord> Approve(const std::string& rescoring_id, const Approval& approval,
                                          Time now) override {
    return Write<RescoringRecord>(
        [&](RescoringTables& tables) { return tables.Approve(rescoring_id, approval, now); });
  }
  absl::StatusOr<RescoringRecord> Cancel(const std::string& rescoring_id, const std::string& actor,
                                         const std::string& reason, Time now) override {
    return Write<RescoringRecord>(
        [&](RescoringTables& tables) { return tables.Cancel(rescoring_id, actor, reason, now); });
  }
  absl::StatusOr<bool> Claim(const std::string& rescoring_id, const std::string& owner, Time now,
                             Time until) override {
    return Write<bool>(
        [&](RescoringTables& tables) { return tables.Claim(rescoring_id, owner, now, until); });
  }
  absl::Status Store(const RescoringStep& step) override {
    return writer_->Run([&](RescoringTables& tables) { return tables.Store(step); });
  }
  absl::Status AcknowledgeAmendments(const std::vector<uint64_t>& sequences) override {
    return writer_->Run([&](RescoringTables& tables) { return tables.Acknowledge(sequences); });
  }

 private:
  template <typename Result, typename... Parameters, typename... Arguments>
  Result Read(Result (RescoringReads::*method)(Parameters...), const Arguments&... arguments) {
    ReaderPool::Loan reader(readers_);
    return (reader->rescorings.*method)(arguments...);
  }
  // What `work` gives once it is durable.
  template <typename T>
  absl::StatusOr<T> Write(const std::function<absl::StatusOr<T>(RescoringTables&)>& work) {
    absl::StatusOr<T> result = absl::UnknownError("not written");
    const absl::Status status = writer_->Run([&](RescoringTables& tables) {
      result = work(tables);
      return result.status();
    });
    if (!status.ok()) return status;
    return result;
  }

  ReaderPool readers_;
  std::unique_ptr<ScoreWriter> writer_;
};

}  // namespace

absl::Status ScoreConflict(const std::string& session_id, uint32_t attempt_version) {
  return AlreadyExists("SCORE_CONFLICT",
                       "this attempt of the session was scored with other responses; a seal never "
                       "changes, a reopened session comes with the next attempt_version")
      .With("session_id", session_id)
      .With("attempt_version", std::to_string(attempt_version));
}

absl::StatusOr<std::unique_ptr<ScoringStore>> OpenSqlScoreStore(const SqlStoreOptions& options) {
  auto db = sql::Database::Open(options.location, sql::Database::Mode::kReadWrite, options.schema);
  if (!db.ok()) return db.status();
  INVIGIL_RETURN_IF_ERROR(db->Migrate(SchemaSteps()));
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < options.readers; ++i) {
    auto read =
        sql::Database::Open(options.location, sql::Database::Mode::kReadOnly, options.schema);
    if (!read.ok()) return read.status();
    readers.push_back(std::make_unique<Reader>(*std::move(read)));
  }
  return std::make_unique<SqlScoreStore>(
      std::make_unique<ScoreWriter>(*std::move(db),
                                    sql::IsPostgres(options.location) ? " FOR SHARE" : "",
                                    options.queue_capacity, options.batch_size),
      std::move(readers));
}

}  // namespace invigil::scoring
