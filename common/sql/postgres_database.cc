// The PostgreSQL engine behind the face in database.h: the driver, one wait a statement.
#include <memory>
#include <utility>

#include "common/sql/engine.h"
#include "common/sql/postgres.h"
#include "common/sql/postgres_schema.h"

namespace invigil::sql::engine {
namespace {

class PostgresDatabase;

class PostgresStatement final : public Statement {
 public:
  PostgresStatement(PostgresDatabase& db, int id) : db_(db), id_(id) {}

  void Bind(int index, int64_t value) override { arguments_.SetInt(index, value); }
  void Bind(int index, double value) override { arguments_.SetReal(index, value); }
  void BindText(int index, std::string_view value) override { arguments_.SetBytes(index, value); }
  void BindBlob(int index, std::string_view value) override { arguments_.SetBytes(index, value); }
  void BindNull(int index) override { arguments_.SetNull(index); }

  absl::StatusOr<bool> Step() override;
  void Reset() override {
    arguments_.Clear();
    rows_ = Rows();
    row_ = -1;
  }

  int64_t Int(int column) const override { return rows_.Int(row_, column); }
  double Real(int column) const override { return rows_.Real(row_, column); }
  std::string_view View(int column) const override { return rows_.View(row_, column); }
  bool IsNull(int column) const override { return rows_.IsNull(row_, column); }

 private:
  PostgresDatabase& db_;
  const int id_;
  Arguments arguments_;
  Rows rows_;
  int row_ = -1;  // -1: not run
};

class PostgresDatabase final : public Database {
 public:
  explicit PostgresDatabase(Postgres::Options options) : driver_(std::move(options)) {}

  Postgres& driver() { return driver_; }
  void SetChanges(int64_t changes) { changes_ = changes; }

  absl::Status Execute(const std::string& sql) override {
    INVIGIL_RETURN_IF_ERROR(driver_.Connect());
    return driver_.Script(sql);
  }
  absl::StatusOr<std::unique_ptr<Statement>> Prepare(const std::string& sql) override {
    const int id = driver_.Prepare(TranslateParameters(sql));
    absl::Status status = driver_.Check(id);
    // With the server away it is prepared at its first use.
    if (!status.ok() && status.code() != absl::StatusCode::kUnavailable) return status;
    return std::make_unique<PostgresStatement>(*this, id);
  }
  int64_t Changes() const override { return changes_; }
  absl::Status Migrate(const std::vector<std::string>& steps) override {
    return driver_.Migrate(steps);
  }
  absl::Status Begin(Isolation isolation) override {
    return driver_.Begin(isolation == Isolation::kSerializable
                             ? "BEGIN ISOLATION LEVEL SERIALIZABLE"
                             : "BEGIN ISOLATION LEVEL READ COMMITTED");
  }
  absl::Status BeginRead() override {
    return driver_.Begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  }
  absl::Status Commit() override { return driver_.Commit(); }
  void Rollback() override { driver_.Rollback(); }

 private:
  Postgres driver_;
  int64_t changes_ = 0;
};

absl::StatusOr<bool> PostgresStatement::Step() {
  if (row_ < 0) {
    auto rows = db_.driver().Ask(id_, arguments_);
    if (!rows.ok()) {
      Reset();
      return rows.status();
    }
    rows_ = *std::move(rows);
    db_.SetChanges(rows_.changed());
  }
  return ++row_ < rows_.size();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(const std::string& url,
                                                       sql::Database::Mode mode,
                                                       const std::string& schema) {
  auto db = std::make_unique<PostgresDatabase>(Postgres::Options{
      .url = url, .schema = schema, .read_only = mode == sql::Database::Mode::kReadOnly});
  INVIGIL_RETURN_IF_ERROR(db->driver().Open());
  return db;
}

}  // namespace invigil::sql::engine
