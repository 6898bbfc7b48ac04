// One face on the databases a service may keep its tables in: an SQLite file, or PostgreSQL. What
// is written against it is written once: statements, schema steps and errors are the same on both.
//
// A location is the path of an SQLite file (made when absent; WAL, synchronous=FULL) or a URL as
// postgresql://user@host:port/database. On both, what Commit answered OK is durable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/error/error.h"

namespace invigil::sql {

namespace engine {
class Database;
class Statement;
}  // namespace engine

// Whether a location is a PostgreSQL URL, not a path.
bool IsPostgres(std::string_view location);

// Where a service keeps its tables, from its two flags, of which one is given: `store`, a location,
// or `data`, a folder that holds the SQLite file named `file`. Error: INVALID_ARGUMENT
// (FLAGS_INVALID).
absl::StatusOr<std::string> LocationOf(const std::string& store, const std::string& data,
                                       const std::string& file);
// What --help says of `store`.
inline constexpr char kStoreHelp[] =
    "Instead of --data: the path of an SQLite file, or postgresql://USER@HOST:PORT/DATABASE for "
    "any "
    "number of replicas. A password belongs into a file: add ?passfile=FILE.";

// A prepared statement; parameters are ? (in order) or ?1, ?2 ... Bind (1-based), then Step until
// it returns false, then Reset. Bound text and blobs must live until Reset. One thread at a time,
// like its database.
class Statement {
 public:
  explicit Statement(std::unique_ptr<engine::Statement> statement);
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
  // ABORTED (SQL_RACE) when another transaction was first: roll back and do it all again;
  // RESOURCE_EXHAUSTED (STORE_FULL) on a full disk; UNAVAILABLE (STORE_BUSY) when another process
  // holds a lock too long, (STORE_IO) when the database can't be reached, read or written;
  // INVALID_ARGUMENT (SQL_TEXT) for a text that the database can't hold; INTERNAL otherwise. The
  // statement is reset on error.
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
  std::unique_ptr<engine::Statement> statement_;
};

// One connection. One thread at a time; open one per thread on the same location. A connection to
// PostgreSQL that broke is made anew by whatever is done next outside a transaction.
class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };
  // `schema`: on PostgreSQL, the schema that holds the tables, so that services can share a
  // database; Migrate makes it. Errors: FAILED_PRECONDITION (STORE_UNUSABLE) with the location and
  // why.
  static absl::StatusOr<Database> Open(const std::string& location, Mode mode = Mode::kReadWrite,
                                       const std::string& schema = "invigil");
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  // Runs one or more statements that give no rows.
  absl::Status Execute(const std::string& sql);
  // Prepares a statement; the database outlives it. A mistake in `sql` is a bug: INTERNAL.
  absl::StatusOr<Statement> Prepare(const std::string& sql);
  // As Prepare, for statements that are part of the program: stops the process on a mistake.
  Statement MustPrepare(const std::string& sql);
  // Rows changed by the last statement.
  int64_t Changes() const;

  // Brings the schema up to date: `steps[i]` takes version i to i + 1; each runs once, whoever else
  // starts at the same time. Steps are written in SQLite's words; on PostgreSQL INTEGER reads
  // BIGINT, BLOB reads BYTEA, REAL reads DOUBLE PRECISION, TEXT compares by bytes, and WITHOUT
  // ROWID is left out. Errors: FAILED_PRECONDITION (STORE_NEWER) when a newer program was here,
  // (STORE_UNUSABLE) when the tables can't be made.
  absl::Status Migrate(const std::vector<std::string>& steps);

 private:
  friend class Transaction;
  explicit Database(std::unique_ptr<engine::Database> database);
  std::unique_ptr<engine::Database> database_;
};

// What a transaction may count on while others write. On SQLite writers queue up, and both are the
// same.
enum class Isolation {
  // As if each ran alone, one after another. On PostgreSQL one that can't (it would have seen what
  // another changed meanwhile) fails with ABORTED (SQL_RACE), at any statement or at Commit.
  kSerializable,
  // Others' commits show between two statements. For transactions that are right all the same
  // because a unique key stands behind whatever must not happen twice; far fewer of them fail.
  kByKeys,
};

// One that failed because another was first (IsRace) is simply run again. Rolls back when it goes
// out of scope uncommitted.
class Transaction {
 public:
  // For writing. Errors as Statement::Step.
  static absl::StatusOr<Transaction> Begin(Database& db,
                                           Isolation isolation = Isolation::kSerializable);
  // For reading several things of one moment.
  static absl::StatusOr<Transaction> BeginRead(Database& db);
  Transaction(Transaction&& other) noexcept : db_(other.db_) { other.db_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  // Durable when OK. On error nothing of it is; but when the connection to PostgreSQL is lost just
  // now, UNAVAILABLE (STORE_IO) with outcome=unknown says that it may be: read before repeating.
  absl::Status Commit();

 private:
  explicit Transaction(engine::Database* db) : db_(db) {}
  engine::Database* db_;
};

// Whether a failed transaction should simply be run again, a few times: another was first.
bool IsRace(const absl::Status& status);

}  // namespace invigil::sql
