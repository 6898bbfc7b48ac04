// The SQLite engine. Settings are the suite's: WAL, synchronous=FULL (a committed transaction
// survives power loss).
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/sql/engine.h"

namespace invigil::sql::engine {
namespace {

// SQLite tells of every error here, also of those it goes on after, as in a checkpoint of its own.
// After a failed sync the kernel may have dropped what it was to write and call it written: nothing
// read back or synced later proves anything, so nothing more may be acknowledged.
void EndOnFailedSync(void*, int code, const char* text) {
  if (code != SQLITE_IOERR_FSYNC && code != SQLITE_IOERR_DIR_FSYNC) return;
  std::fprintf(stderr,
               "the disk failed to keep what was written; ending, so that nothing is acknowledged "
               "that may be lost: check the disk, then start again: %s\n",
               text);
  std::_Exit(1);
}

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

class SqliteStatement final : public Statement {
 public:
  SqliteStatement(sqlite3* db, sqlite3_stmt* stmt) : db_(db), stmt_(stmt) {}
  ~SqliteStatement() override { sqlite3_finalize(stmt_); }
  SqliteStatement(const SqliteStatement&) = delete;

  void Bind(int index, int64_t value) override { sqlite3_bind_int64(stmt_, index, value); }
  void Bind(int index, double value) override { sqlite3_bind_double(stmt_, index, value); }
  void BindText(int index, std::string_view value) override {
    sqlite3_bind_text(stmt_, index, value.data() ? value.data() : "",
                      static_cast<int>(value.size()), SQLITE_STATIC);
  }
  void BindBlob(int index, std::string_view value) override {
    sqlite3_bind_blob(stmt_, index, value.data() ? value.data() : "",
                      static_cast<int>(value.size()), SQLITE_STATIC);
  }
  void BindNull(int index) override { sqlite3_bind_null(stmt_, index); }

  absl::StatusOr<bool> Step() override {
    const int code = sqlite3_step(stmt_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    absl::Status status = ToStatus(db_, code);
    Reset();
    return status;
  }
  void Reset() override {
    sqlite3_reset(stmt_);
    sqlite3_clear_bindings(stmt_);
  }

  int64_t Int(int column) const override { return sqlite3_column_int64(stmt_, column); }
  double Real(int column) const override { return sqlite3_column_double(stmt_, column); }
  std::string_view View(int column) const override {
    const void* data = sqlite3_column_blob(stmt_, column);
    return {static_cast<const char*>(data),
            data ? static_cast<size_t>(sqlite3_column_bytes(stmt_, column)) : 0};
  }
  bool IsNull(int column) const override {
    return sqlite3_column_type(stmt_, column) == SQLITE_NULL;
  }

 private:
  sqlite3* db_;
  sqlite3_stmt* stmt_;
};

class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(sqlite3* db) : db_(db) {}
  ~SqliteDatabase() override { sqlite3_close_v2(db_); }
  SqliteDatabase(const SqliteDatabase&) = delete;

  absl::Status Execute(const std::string& sql) override {
    const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? absl::OkStatus() : ToStatus(db_, code);
  }

  absl::StatusOr<std::unique_ptr<Statement>> Prepare(const std::string& sql) override {
    sqlite3_stmt* stmt = nullptr;
    const int code =
        sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
    if (code != SQLITE_OK) return ToStatus(db_, code);
    return std::make_unique<SqliteStatement>(db_, stmt);
  }

  int64_t Changes() const override { return sqlite3_changes64(db_); }

  absl::Status Migrate(const std::vector<std::string>& steps) override {
    INVIGIL_RETURN_IF_ERROR(
        Begin(Isolation::kSerializable));  // two processes may start at once: one migrates
    absl::Status status = MigrateOpen(steps);
    if (status.ok()) status = Commit();
    if (!status.ok()) Rollback();
    return status;
  }

  absl::Status Begin(Isolation) override { return Execute("BEGIN IMMEDIATE"); }
  absl::Status BeginRead() override { return Execute("BEGIN"); }
  absl::Status Commit() override { return Execute("COMMIT"); }
  // After some failures SQLite has rolled back by itself; then this fails, and that is fine.
  void Rollback() override { (void)Execute("ROLLBACK"); }

 private:
  absl::Status MigrateOpen(const std::vector<std::string>& steps) {
    size_t version = 0;
    {
      auto query = Prepare("PRAGMA user_version");
      if (!query.ok()) return query.status();
      auto row = (*query)->Step();
      if (!row.ok()) return row.status();
      version = static_cast<size_t>((*query)->Int(0));
    }
    if (version > steps.size()) return Newer(version, steps.size());
    for (; version < steps.size(); ++version) {
      INVIGIL_RETURN_IF_ERROR(Execute(steps[version]));
      INVIGIL_RETURN_IF_ERROR(Execute("PRAGMA user_version=" + std::to_string(version + 1)));
    }
    return absl::OkStatus();
  }

  sqlite3* db_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path,
                                                     sql::Database::Mode mode) {
  const bool writes = mode == sql::Database::Mode::kReadWrite;
  // Before the first connection of the process; later it would be refused, and is not needed.
  [[maybe_unused]] static const int told =
      sqlite3_config(SQLITE_CONFIG_LOG, &EndOnFailedSync, nullptr);
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  auto db = std::make_unique<SqliteDatabase>(raw);
  if (code != SQLITE_OK) {
    return FailedPrecondition("STORE_UNUSABLE",
                              "can't open the database " + path + ": " + sqlite3_errmsg(raw) +
                                  "; check that its folder exists and is writable");
  }
  sqlite3_busy_timeout(raw, 5000);
  const char* settings =
      writes ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA "
               "wal_autocheckpoint=4000; PRAGMA cache_size=-65536"
             : "PRAGMA cache_size=-16384";
  if (absl::Status status = db->Execute(settings); !status.ok()) {
    return FailedPrecondition(
        "STORE_UNUSABLE", "can't use the database " + path + ": " + std::string(status.message()));
  }
  if (writes) {
    // What a process before this one failed to sync may be in the log all the same, as the kernel
    // remembers it. Copied into the file and synced there, nothing rests on it any more. Where
    // another process works on the file (busy), its log goes on from what was committed.
    sqlite3_busy_timeout(raw, 0);
    (void)sqlite3_wal_checkpoint_v2(raw, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    sqlite3_busy_timeout(raw, 5000);
  }
  return db;
}

}  // namespace invigil::sql::engine
