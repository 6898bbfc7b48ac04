// One connection to PostgreSQL (or an engine that speaks its protocol), for stores that care how
// often they wait for it. Statements are queued down a pipeline; one wait, at a question or at the
// commit, settles all that was queued before it:
//
//   db.Begin();  db.Queue(insert, a);  db.Queue(insert, b);  status = db.Commit();   // one wait
//
// Errors, beside what is queued and what is waited for: those of sql::Statement::Step. A queued
// statement's error comes from the next wait; what was queued after it has not run.
//
// A broken connection is made anew by the next Begin, or by the next question outside a
// transaction; prepared statements come along. Everything that waits gives up after a while, also
// on a server that was stopped without a word. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/sql/database.h"

struct pg_conn;
struct pg_result;

namespace invigil::sql {

// What $1, $2 ... stand for. Text and blobs are not copied: they live until Queue or Ask returns.
class Arguments {
 public:
  Arguments& Int(int64_t value) { return SetInt(Next(), value); }
  Arguments& Text(std::string_view value) { return SetBytes(Next(), value); }
  Arguments& Blob(std::string_view value) { return SetBytes(Next(), value); }
  Arguments& Null() { return SetNull(Next()); }
  // The same by place, from 1.
  Arguments& SetInt(int place, int64_t value);
  Arguments& SetReal(int place, double value);
  Arguments& SetBytes(int place, std::string_view value);
  Arguments& SetNull(int place);
  void Clear() { values_.clear(); }

 private:
  friend class Postgres;
  struct Value {
    const char* data = nullptr;  // null: `number` when it has a length, else NULL
    int length = 0;
    bool binary = false;
    std::array<char, 32> number;
  };
  int Next() const { return static_cast<int>(values_.size()) + 1; }
  Value& At(int place);
  std::vector<Value> values_;
};

// Many values as one argument: give bytes() to a parameter that the statement casts to BIGINT[],
// BYTEA[] or TEXT[] (unnest makes rows of it).
class ArrayArgument {
 public:
  void AddInt(int64_t value);
  void AddBlob(std::string_view value);
  void AddText(std::string_view value);
  size_t size() const { return size_; }
  void Clear();
  // Valid until the array changes. All values must be of one kind.
  std::string_view bytes();

 private:
  void Add(uint32_t kind, std::string_view value);
  std::string bytes_;
  uint32_t size_ = 0;
  uint32_t kind_ = 0;
};

// The rows a question was answered with.
class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* result) : result_(result, &Clear) {}
  int size() const;
  int64_t Int(int row, int column) const;
  double Real(int row, int column) const;
  // Valid as long as the rows.
  std::string_view View(int row, int column) const;
  bool IsNull(int row, int column) const;
  // What was done, as "COMMIT" or "INSERT 0 1".
  std::string_view command() const;
  // Rows a change has changed.
  int64_t changed() const;

 private:
  static void Clear(pg_result* result);
  std::unique_ptr<pg_result, void (*)(pg_result*)> result_{nullptr, &Clear};
};

class Postgres {
 public:
  struct Options {
    std::string url;     // never with a password: libpq finds it in its password file
    std::string schema;  // where the tables are; a plain name
    bool read_only = false;
    Duration connect_timeout = Seconds(3);
    // The longest wait for an answer before the connection is given up.
    Duration reply_timeout = Seconds(15);
  };
  explicit Postgres(Options options);
  ~Postgres();
  Postgres(const Postgres&) = delete;

  // Connects unless connected. Errors: UNAVAILABLE (STORE_IO); FAILED_PRECONDITION (STORE_UNUSABLE)
  // when the server is there but can't serve as a store: the message says why.
  absl::Status Connect();

  // Connect, for a program that starts: every failure is FAILED_PRECONDITION (STORE_UNUSABLE) and
  // says what to look at.
  absl::Status Open();

  // Registers a statement with $1, $2 ...; prepared on the server at its first use.
  int Prepare(std::string sql);
  // Asks the server whether it understands a registered statement.
  absl::Status Check(int statement);

  // Connections made so far. Another number than before: what was known of the server may be no
  // more, for it may be another, which had not received everything.
  uint64_t connects() const { return connects_; }

  // Opens a transaction; waits only to reconnect. What the server, the user or the URL says of
  // isolation does not count.
  absl::Status Begin(const char* how = "BEGIN ISOLATION LEVEL READ COMMITTED");
  // In a transaction: sends a statement whose rows nobody needs.
  void Queue(int statement, const Arguments& arguments);
  // Sends a statement and waits for its rows; outside a transaction it is one of its own.
  absl::StatusOr<Rows> Ask(int statement, const Arguments& arguments);
  // Ends the transaction; durable when OK. Otherwise nothing of it is, except when the connection
  // is lost while the answer is awaited: UNAVAILABLE (STORE_IO) with outcome=unknown. Either way
  // the transaction is over.
  absl::Status Commit();
  // Drops the transaction, if one is open.
  void Rollback();

  // Runs statements that give no rows, in or outside a transaction. They may take minutes.
  absl::Status Script(const std::string& sql);
  // See Database::Migrate; the schema is made first.
  absl::Status Migrate(const std::vector<std::string>& steps);

  // "host:port/database", for messages.
  const std::string& place() const { return place_; }

 private:
  struct Prepared {
    std::string sql;
    bool ready = false;  // on this connection
  };

  absl::Status ConnectNow();
  absl::Status Adopt(pg_conn* connection);
  absl::Status Script(const std::string& sql, Duration limit);
  // Notices that the server has hung up while nobody asked it anything.
  void Freshen();
  // Sends; on failure the connection is lost.
  void Send(int statement, const Arguments& arguments);
  void SendPlain(const char* sql);
  // Waits until everything queued is settled; gives the first error, and the last rows.
  absl::Status Settle(Rows* last);
  // The next result, null between those of two statements; false: lost.
  bool NextResult(Duration until, pg_result** result);
  absl::Status Lose(const std::string& why);
  // After NextResult gave none, which waited until then.
  absl::Status LoseUnanswered(Duration until);
  absl::Status LostInside() const;
  absl::Status MigrateOnce(const std::vector<std::string>& steps);
  absl::Status MigrateOpen(const std::vector<std::string>& steps);

  const Options options_;
  const SystemClock clock_;
  std::string place_;
  pg_conn* connection_ = nullptr;
  std::vector<Prepared> statements_;
  std::deque<int> awaited_;  // what is in the pipeline: a statement being prepared, or -1
  bool open_ = false;        // a transaction
  absl::Status lost_;        // why the connection went, while a transaction is open
  uint64_t connects_ = 0;
  absl::Status refused_;  // the last attempt to connect
  Duration refused_at_{0};
};

}  // namespace invigil::sql
