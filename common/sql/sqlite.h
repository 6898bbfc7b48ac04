// A thin, honest face on SQLite: prepared statements, transactions, errors that say what to do.
// Settings are the suite's: WAL, synchronous=FULL (a committed transaction survives power loss).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/error/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace invigil::sql {

class Database;

// A prepared statement. Bind (1-based), then Step until it returns false, then Reset. Bound text
// and blobs must live until Reset. One thread at a time, like its database.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& Bind(int index, int64_t value);
  Statement& Bind(int index, double value);
  Statement& BindText(int index, std::string_view value);
  Statement& BindBlob(int index, std::string_view value);
  Statement& BindNull(int index);

  // true: a row is there. false: done.
  // Errors: ALREADY_EXISTS (SQL_CONSTRAINT) when a unique or primary key stands in the way;
  // RESOURCE_EXHAUSTED (STORE_FULL) on a full disk; UNAVAILABLE (STORE_BUSY) when another process
  // holds the lock too long; INTERNAL otherwise. The statement is reset on error.
  absl::StatusOr<bool> Step();
  // Step for statements without rows, then Reset.
  absl::Status Run();
  void Reset();

  int64_t Int(int column) const;
  double Real(int column) const;
  std::string Text(int column) const;
  // Valid until the next Step or Reset.
  std::string_view View(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  Statement(sqlite3* db, sqlite3_stmt* stmt) : db_(db), stmt_(stmt) {}
  sqlite3* db_;
  sqlite3_stmt* stmt_;
};

// One connection. One thread at a time; open one per thread on the same file.
class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };
  // Opens or creates the file. Errors: FAILED_PRECONDITION (STORE_UNUSABLE) with the path and why.
  static absl::StatusOr<Database> Open(const std::string& path, Mode mode = Mode::kReadWrite);
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  // Runs one or more statements that give no rows.
  absl::Status Execute(const std::string& sql);
  // Prepares a statement that lives as long as this database. A mistake in `sql` is a bug:
  // INTERNAL.
  absl::StatusOr<Statement> Prepare(const std::string& sql);
  // As Prepare, for statements that are part of the program: stops the process on a mistake.
  Statement MustPrepare(const std::string& sql);
  // Rows changed by the last statement.
  int64_t Changes() const;

  // Brings the schema up to date: `steps[i]` takes version i to i + 1; each runs once, in its own
  // transaction. Errors: FAILED_PRECONDITION (STORE_NEWER) when the file is from a newer program.
  absl::Status Migrate(const std::vector<std::string>& steps);

 private:
  explicit Database(sqlite3* db) : db_(db) {}
  sqlite3* db_;
};

// BEGIN IMMEDIATE ... COMMIT; rolls back when it goes out of scope uncommitted.
class Transaction {
 public:
  // Errors as Statement::Step.
  static absl::StatusOr<Transaction> Begin(Database& db);
  Transaction(Transaction&& other) noexcept : db_(other.db_) { other.db_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  // Durable when OK. On error nothing of it is.
  absl::Status Commit();

 private:
  explicit Transaction(Database* db) : db_(db) {}
  Database* db_;
};

}  // namespace invigil::sql
