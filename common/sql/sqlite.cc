#include "common/sql/sqlite.h"

#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace invigil::sql {
namespace {

absl::Status ToStatus(sqlite3* db, int code) {
  const std::string text = std::string(sqlite3_errmsg(db)) + " (sqlite " +
                           std::to_string(sqlite3_extended_errcode(db)) + ")";
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return AlreadyExists("SQL_CONSTRAINT", text);
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ResourceExhausted(
          "STORE_FULL",
          "the database's disk is full: free space; nothing acknowledged is lost: " + text,
          Seconds(5));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Unavailable("STORE_BUSY", "the database is locked by another process: " + text);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return Unavailable("STORE_IO", "the database can't be read or written: " + text, Seconds(5));
    default:
      return Internal("database: " + text);
  }
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : db_(other.db_), stmt_(std::exchange(other.stmt_, nullptr)) {}
Statement::~Statement() { sqlite3_finalize(stmt_); }

Statement& Statement::Bind(int index, int64_t value) {
  sqlite3_bind_int64(stmt_, index, value);
  return *this;
}
Statement& Statement::Bind(int index, double value) {
  sqlite3_bind_double(stmt_, index, value);
  return *this;
}
Statement& Statement::BindText(int index, std::string_view value) {
  sqlite3_bind_text(stmt_, index, value.data() ? value.data() : "", static_cast<int>(value.size()),
                    SQLITE_STATIC);
  return *this;
}
Statement& Statement::BindBlob(int index, std::string_view value) {
  sqlite3_bind_blob(stmt_, index, value.data() ? value.data() : "", static_cast<int>(value.size()),
                    SQLITE_STATIC);
  return *this;
}
Statement& Statement::BindNull(int index) {
  sqlite3_bind_null(stmt_, index);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  absl::Status status = ToStatus(db_, code);
  Reset();
  return status;
}

absl::Status Statement::Run() {
  const auto row = Step();
  if (row.ok()) Reset();
  return row.status();
}

void Statement::Reset() {
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(stmt_, column); }
double Statement::Real(int column) const { return sqlite3_column_double(stmt_, column); }
std::string Statement::Text(int column) const { return std::string(View(column)); }
std::string_view Statement::View(int column) const {
  const void* data = sqlite3_column_blob(stmt_, column);
  return {static_cast<const char*>(data),
          data ? static_cast<size_t>(sqlite3_column_bytes(stmt_, column)) : 0};
}
bool Statement::IsNull(int column) const {
  return sqlite3_column_type(stmt_, column) == SQLITE_NULL;
}

absl::StatusOr<Database> Database::Open(const std::string& path, Mode mode) {
  sqlite3* raw = nullptr;
  const int flags =
      SQLITE_OPEN_NOMUTEX | (mode == Mode::kReadWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                                      : SQLITE_OPEN_READONLY);
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db(raw);
  if (code != SQLITE_OK) {
    return FailedPrecondition("STORE_UNUSABLE",
                              "can't open the database " + path + ": " + sqlite3_errmsg(raw) +
                                  "; check that its folder exists and is writable");
  }
  sqlite3_busy_timeout(raw, 5000);
  const char* settings =
      mode == Mode::kReadWrite
          ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA "
            "wal_autocheckpoint=4000; PRAGMA cache_size=-65536"
          : "PRAGMA cache_size=-16384";
  if (absl::Status status = db.Execute(settings); !status.ok()) {
    return FailedPrecondition(
        "STORE_UNUSABLE", "can't use the database " + path + ": " + std::string(status.message()));
  }
  return db;
}

Database::Database(Database&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
Database& Database::operator=(Database&& other) noexcept {
  std::swap(db_, other.db_);
  return *this;
}
Database::~Database() { sqlite3_close_v2(db_); }

absl::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ToStatus(db_, code);
}

absl::StatusOr<Statement> Database::Prepare(const std::string& sql) {
  sqlite3_stmt* stmt = nullptr;
  const int code =
      sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
  if (code != SQLITE_OK) return ToStatus(db_, code);
  return Statement(db_, stmt);
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

int64_t Database::Changes() const { return sqlite3_changes64(db_); }

absl::Status Database::Migrate(const std::vector<std::string>& steps) {
  auto transaction = Transaction::Begin(*this);  // two processes may start at once: one migrates
  if (!transaction.ok()) return transaction.status();
  size_t version = 0;
  {
    auto query = Prepare("PRAGMA user_version");
    if (!query.ok()) return query.status();
    auto row = query->Step();
    if (!row.ok()) return row.status();
    version = static_cast<size_t>(query->Int(0));
  }
  if (version > steps.size()) {
    return FailedPrecondition("STORE_NEWER", "the database has schema version " +
                                                 std::to_string(version) + ", this program knows " +
                                                 std::to_string(steps.size()) +
                                                 ": run the newer program");
  }
  for (; version < steps.size(); ++version) {
    INVIGIL_RETURN_IF_ERROR(Execute(steps[version]));
    INVIGIL_RETURN_IF_ERROR(Execute("PRAGMA user_version=" + std::to_string(version + 1)));
  }
  return transaction->Commit();
}

absl::StatusOr<Transaction> Transaction::Begin(Database& db) {
  INVIGIL_RETURN_IF_ERROR(db.Execute("BEGIN IMMEDIATE"));
  return Transaction(&db);
}

Transaction::~Transaction() {
  if (db_) (void)db_->Execute("ROLLBACK");
}

absl::Status Transaction::Commit() {
  INVIGIL_RETURN_IF_ERROR(db_->Execute("COMMIT"));
  db_ = nullptr;
  return absl::OkStatus();
}

}  // namespace invigil::sql
