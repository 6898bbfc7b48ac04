#include "common/sql/database.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/sql/engine.h"

namespace invigil::sql {

bool IsPostgres(std::string_view location) {
  return location.starts_with("postgresql://") || location.starts_with("postgres://");
}

absl::StatusOr<std::string> LocationOf(const std::string& store, const std::string& data,
                                       const std::string& file) {
  if (store.empty() == data.empty()) {
    return InvalidArgument(
        "FLAGS_INVALID", store.empty()
                             ? "where shall data be kept? Give --data DIR, or --store "
                               "postgresql://USER@HOST:PORT/DATABASE"
                             : "--data and --store both say where data is kept: give one of them");
  }
  if (const size_t scheme = store.find("://"); scheme != std::string::npos && !IsPostgres(store)) {
    // Not the rest of it, which may hold a password.
    return InvalidArgument(
        "FLAGS_INVALID", "--store: " + store.substr(0, scheme) +
                             ":// is no store that is known here; give "
                             "postgresql://USER@HOST:PORT/DATABASE, or the path of an SQLite file");
  }
  return store.empty() ? data + "/" + file : store;
}

bool IsRace(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kAborted &&
      status.code() != absl::StatusCode::kAlreadyExists) {
    return false;
  }
  const std::string reason = ReasonOf(status);
  return reason == "SQL_RACE" || reason == "SQL_CONSTRAINT";
}

Statement::Statement(std::unique_ptr<engine::Statement> statement)
    : statement_(std::move(statement)) {}
Statement::Statement(Statement&& other) noexcept = default;
Statement::~Statement() = default;

Statement& Statement::Bind(int index, int64_t value) {
  statement_->Bind(index, value);
  return *this;
}
Statement& Statement::Bind(int index, double value) {
  statement_->Bind(index, value);
  return *this;
}
Statement& Statement::BindText(int index, std::string_view value) {
  statement_->BindText(index, value);
  return *this;
}
Statement& Statement::BindBlob(int index, std::string_view value) {
  statement_->BindBlob(index, value);
  return *this;
}
Statement& Statement::BindNull(int index) {
  statement_->BindNull(index);
  return *this;
}

absl::StatusOr<bool> Statement::Step() { return statement_->Step(); }

absl::Status Statement::Run() {
  const auto row = Step();
  if (row.ok()) Reset();
  return row.status();
}

void Statement::Reset() { statement_->Reset(); }
int64_t Statement::Int(int column) const { return statement_->Int(column); }
double Statement::Real(int column) const { return statement_->Real(column); }
std::string Statement::Text(int column) const { return std::string(View(column)); }
std::string_view Statement::View(int column) const { return statement_->View(column); }
bool Statement::IsNull(int column) const { return statement_->IsNull(column); }

absl::StatusOr<Database> Database::Open(const std::string& location, Mode mode,
                                        const std::string& schema) {
  auto database = IsPostgres(location) ? engine::OpenPostgres(location, mode, schema)
                                       : engine::OpenSqlite(location, mode);
  if (!database.ok()) return database.status();
  return Database(*std::move(database));
}

Database::Database(std::unique_ptr<engine::Database> database) : database_(std::move(database)) {}
Database::Database(Database&& other) noexcept = default;
Database& Database::operator=(Database&& other) noexcept = default;
Database::~Database() = default;

absl::Status Database::Execute(const std::string& sql) { return database_->Execute(sql); }

absl::StatusOr<Statement> Database::Prepare(const std::string& sql) {
  auto statement = database_->Prepare(sql);
  if (!statement.ok()) return statement.status();
  return Statement(*std::move(statement));
}

Statement Database::MustPrepare(const std::string& sql) {
  auto statement = Prepare(sql);
  if (!statement.ok()) {
    std::fprintf(stderr, "%s\n  in: %s\n", std::string(statement.status().message()).c_str(),
                 sql.c_str());
    std::abort();
  }
  return *std::move(statement);
}

int64_t Database::Changes() const { return database_->Changes(); }

absl::Status Database::Migrate(const std::vector<std::string>& steps) {
  return database_->Migrate(steps);
}

absl::StatusOr<Transaction> Transaction::Begin(Database& db, Isolation isolation) {
  INVIGIL_RETURN_IF_ERROR(db.database_->Begin(isolation));
  return Transaction(db.database_.get());
}

absl::StatusOr<Transaction> Transaction::BeginRead(Database& db) {
  INVIGIL_RETURN_IF_ERROR(db.database_->BeginRead());
  return Transaction(db.database_.get());
}

Transaction::~Transaction() {
  if (db_) db_->Rollback();
}

absl::Status Transaction::Commit() {
  INVIGIL_RETURN_IF_ERROR(db_->Commit());
  db_ = nullptr;
  return absl::OkStatus();
}

namespace engine {

absl::Status Newer(size_t version, size_t known) {
  return FailedPrecondition("STORE_NEWER", "the database has schema version " +
                                               std::to_string(version) + ", this program knows " +
                                               std::to_string(known) + ": run the newer program");
}

}  // namespace engine
}  // namespace invigil::sql
