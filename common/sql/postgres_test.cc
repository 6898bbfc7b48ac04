// What only PostgreSQL can do wrong: the driver, and the face on it where it differs from SQLite.
#include "common/sql/postgres.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <future>
#include <limits>
#include <thread>

#include "common/sql/postgres_error.h"
#include "common/sql/postgres_schema.h"
#include "common/testing/postgres_server.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"

namespace invigil::sql {
namespace {

using testing::PostgresServer;

class PostgresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Postgres db(Options());
    const absl::Status status =
        db.Migrate({"CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB, s TEXT, r REAL)"});
    ASSERT_TRUE(status.ok()) << status;
  }
  Postgres::Options Options() const { return {.url = server_.url(), .schema = schema_}; }
  static int Insert(Postgres& db) { return db.Prepare("INSERT INTO t VALUES($1, $2, $3, $4)"); }
  static Arguments Row(int64_t k) { return Arguments().Int(k).Null().Text("s").Null(); }
  int64_t Count() {
    Postgres db(Options());
    const auto rows = db.Ask(db.Prepare("SELECT count(*) FROM t"), Arguments());
    return rows.ok() ? rows->Int(0, 0) : -1;
  }

  PostgresServer& server_ = PostgresServer::Shared();
  const std::string schema_ = server_.NewSchema();
};

TEST_F(PostgresTest, ValuesComeBackAsTheyWere) {
  Postgres db(Options());
  const int insert = Insert(db);
  const std::string blob("a\0b\xff", 4), text = "caf\xc3\xa9 ' \\ $1 ?";
  ASSERT_TRUE(db.Begin().ok());
  db.Queue(insert,
           Arguments().Int(std::numeric_limits<int64_t>::min()).Blob(blob).Text(text).Null());
  Arguments real;
  real.SetInt(1, 7).SetBytes(2, "").SetNull(3).SetReal(4, 0.1);
  db.Queue(insert, real);
  ASSERT_TRUE(db.Commit().ok());
  const auto rows = db.Ask(db.Prepare("SELECT k, v, s, r FROM t ORDER BY k"), Arguments());
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 2);
  EXPECT_EQ(rows->Int(0, 0), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(rows->View(0, 1), blob);
  EXPECT_EQ(rows->View(0, 2), text);
  EXPECT_TRUE(rows->IsNull(0, 3));
  EXPECT_EQ(rows->View(1, 1), "");
  EXPECT_FALSE(rows->IsNull(1, 1));
  EXPECT_TRUE(rows->IsNull(1, 2));
  EXPECT_EQ(rows->Real(1, 3), 0.1);
}

TEST_F(PostgresTest, ArraysBecomeRows) {
  Postgres db(Options());
  ArrayArgument keys, values;
  for (int i = 0; i < 1000; ++i) {
    keys.AddInt(i);
    values.AddBlob(std::string(static_cast<size_t>(i % 7), 'x'));
  }
  const int insert =
      db.Prepare("INSERT INTO t(k, v) SELECT * FROM unnest($1::BIGINT[], $2::BYTEA[])");
  ASSERT_TRUE(db.Begin().ok());
  db.Queue(insert, Arguments().Blob(keys.bytes()).Blob(values.bytes()));
  const auto rows =
      db.Ask(db.Prepare("SELECT sum(length(v))::BIGINT, count(*) FROM t"), Arguments());
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->Int(0, 1), 1000);
  EXPECT_EQ(rows->Int(0, 0), 142 * 21 + 0 + 1 + 2 + 3 + 4 + 5);
  keys.Clear();
  values.Clear();
  db.Queue(insert, Arguments().Blob(keys.bytes()).Blob(values.bytes()));  // none is fine too
  EXPECT_TRUE(db.Commit().ok());

  ArrayArgument texts;
  for (const char* text : {"", "caf\xc3\xa9", "NULL", "{\"a\",b}"}) texts.AddText(text);
  const auto back =
      db.Ask(db.Prepare("SELECT * FROM unnest($1::TEXT[])"), Arguments().Blob(texts.bytes()));
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->size(), 4);
  EXPECT_EQ(back->View(1, 0), "caf\xc3\xa9");
  EXPECT_EQ(back->View(2, 0), "NULL");
  EXPECT_EQ(back->View(3, 0), "{\"a\",b}");
}

TEST_F(PostgresTest, AFailureInThePipelineTakesTheTransactionAlong) {
  Postgres db(Options());
  const int insert = Insert(db);
  ASSERT_TRUE(db.Begin().ok());
  for (const int64_t k : {1, 2, 1, 3}) db.Queue(insert, Row(k));
  // A statement first prepared behind the failure must be prepared again.
  const int other = db.Prepare("SELECT k FROM t WHERE k = $1");
  db.Queue(other, Arguments().Int(1));
  const absl::Status status = db.Commit();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(status), "SQL_CONSTRAINT");
  EXPECT_EQ(Count(), 0);
  ASSERT_TRUE(db.Begin().ok());
  db.Queue(insert, Row(1));
  const auto found = db.Ask(other, Arguments().Int(1));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->size(), 1);
  EXPECT_TRUE(db.Commit().ok());
  EXPECT_EQ(Count(), 1);
}

TEST_F(PostgresTest, WhatMetAnErrorBeforeCantBeCommitted) {
  Postgres db(Options());
  const int insert = Insert(db);
  ASSERT_TRUE(db.Begin().ok());
  db.Queue(insert, Row(1));
  EXPECT_FALSE(db.Ask(insert, Row(1)).ok());
  EXPECT_FALSE(db.Commit().ok());
  EXPECT_EQ(Count(), 0);
}

TEST_F(PostgresTest, RollbackLeavesNothingWhateverIsInThePipeline) {
  Postgres db(Options());
  const int insert = Insert(db);
  for (const int64_t second : {1, 2}) {
    ASSERT_TRUE(db.Begin().ok());
    db.Queue(insert, Row(1));
    db.Queue(insert, Row(second));
    db.Rollback();
    db.Rollback();
  }
  EXPECT_EQ(Count(), 0);
  ASSERT_TRUE(db.Begin().ok());
  db.Queue(insert, Row(5));
  EXPECT_TRUE(db.Commit().ok());
  EXPECT_EQ(Count(), 1);
}

TEST_F(PostgresTest, LargeTransactionsDontBlockOnTheirOwnAnswers) {
  Postgres db(Options());
  const int insert = db.Prepare("INSERT INTO t(k, v) VALUES($1, $2) RETURNING v");
  const std::string large(40'000, 'x');
  ASSERT_TRUE(db.Begin().ok());
  for (int k = 0; k < 500; ++k) db.Queue(insert, Arguments().Int(k).Blob(large));  // 20 MB each way
  EXPECT_TRUE(db.Commit().ok());
  EXPECT_EQ(Count(), 500);
}

TEST_F(PostgresTest, SerializationFailuresAndDeadlocksAreRaces) {
  Postgres a(Options()), b(Options());
  for (Postgres* db : {&a, &b}) {
    ASSERT_TRUE(db->Begin("BEGIN ISOLATION LEVEL SERIALIZABLE").ok());
    ASSERT_TRUE(db->Ask(db->Prepare("SELECT count(*) FROM t"), Arguments()).ok());
    ASSERT_TRUE(db->Ask(Insert(*db), Row(db == &a ? 1 : 2)).ok());
  }
  EXPECT_TRUE(a.Commit().ok());
  const absl::Status skew = b.Commit();
  EXPECT_EQ(ReasonOf(skew), "SQL_RACE") << skew;
  EXPECT_TRUE(IsRace(skew));

  ASSERT_TRUE(b.Ask(Insert(b), Row(2)).ok());
  for (Postgres* db : {&a, &b}) ASSERT_TRUE(db->Begin().ok());
  const auto lock = [](Postgres& db, int64_t k) {
    return db.Ask(db.Prepare("SELECT k FROM t WHERE k = $1 FOR UPDATE"), Arguments().Int(k))
        .status();
  };
  ASSERT_TRUE(lock(a, 1).ok());
  ASSERT_TRUE(lock(b, 2).ok());
  auto other = std::async(std::launch::async, [&] { return lock(a, 2); });
  const absl::Status mine = lock(b, 1);
  if (!mine.ok()) b.Rollback();
  const absl::Status theirs = other.get();
  EXPECT_NE(mine.ok(), theirs.ok());
  EXPECT_EQ(ReasonOf(mine.ok() ? theirs : mine), "SQL_RACE");
}

TEST_F(PostgresTest, AnIdleConnectionSurvivesARestartUnnoticed) {
  Postgres db(Options());
  const int insert = Insert(db);
  ASSERT_TRUE(db.Ask(insert, Row(1)).ok());
  server_.Restart();
  ASSERT_TRUE(db.Begin().ok());
  db.Queue(insert, Row(2));  // prepared anew
  EXPECT_TRUE(db.Commit().ok());
  server_.Restart();
  EXPECT_EQ(Count(), 2);
  EXPECT_TRUE(db.Ask(insert, Row(3)).ok());
}

TEST_F(PostgresTest, ConnectionsAreCounted) {
  Postgres db(Options());
  EXPECT_EQ(db.connects(), 0u);
  ASSERT_TRUE(db.Connect().ok());
  ASSERT_TRUE(db.Begin().ok());
  ASSERT_TRUE(db.Commit().ok());
  EXPECT_EQ(db.connects(), 1u);
  server_.KillNow();
  EXPECT_FALSE(db.Begin().ok());
  EXPECT_EQ(db.connects(), 1u) << "one that was not made is none";
  server_.Restart();
  ASSERT_TRUE(testing::WaitUntil([&] { return db.Begin().ok(); }));
  EXPECT_EQ(db.connects(), 2u);
}

// As when a replica is stopped with a row in its hands that all others need.
TEST_F(PostgresTest, OneThatStopsInTheMiddleGivesWayBeforeTheOthersGiveUp) {
  Postgres stopped(Options()), other(Options());
  ASSERT_TRUE(other.Ask(Insert(other), Row(1)).ok());
  const auto take = [](Postgres& db) {
    absl::Status status = db.Begin();
    if (!status.ok()) return status;
    return db.Ask(db.Prepare("SELECT k FROM t WHERE k = 1 FOR UPDATE"), Arguments()).status();
  };
  ASSERT_TRUE(take(stopped).ok());
  const absl::Status status = take(other);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(other.Commit().ok());
  EXPECT_EQ(ReasonOf(stopped.Commit()), "STORE_IO");
}

TEST_F(PostgresTest, WhatTheUrlSaysOfDurabilityAndIsolationIsOverruled) {
  const auto setting = [&](const std::string& option, const std::string& name) {
    Postgres::Options options = Options();
    options.url += "&options=-c%20" + option;
    Postgres db(options);
    EXPECT_TRUE(db.Begin().ok());
    const auto rows = db.Ask(db.Prepare("SELECT current_setting($1)"), Arguments().Text(name));
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? std::string(rows->View(0, 0)) : "";
  };
  for (const char* weak : {"off", "local", "remote_write"}) {
    EXPECT_EQ(setting("synchronous_commit%3D" + std::string(weak), "synchronous_commit"), "on");
  }
  EXPECT_EQ(setting("synchronous_commit%3Dremote_apply", "synchronous_commit"), "remote_apply");
  for (const char* strict : {"serializable", "repeatable%5C%20read"}) {
    EXPECT_EQ(
        setting("default_transaction_isolation%3D" + std::string(strict), "transaction_isolation"),
        "read committed");
  }
}

// Greets whoever connects, as a server does, and then says nothing more.
class SilentServer {
 public:
  SilentServer() {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    dir_.Path(".s.PGSQL.5432").copy(address.sun_path, sizeof(address.sun_path) - 1);
    listening_ = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) abort();
    if (listen(listening_, 8) != 0) abort();
    thread_ = std::thread([this] { Greet(); });
  }
  ~SilentServer() {
    shutdown(listening_, SHUT_RDWR);
    thread_.join();
    for (const int fd : greeted_) close(fd);
    close(listening_);
  }
  std::string url() const { return "postgresql:///x?user=ann&host=" + dir_.path(); }

 private:
  static std::string Message(char kind, const std::string& body) {
    std::string message(1, kind);
    for (int shift = 24; shift >= 0; shift -= 8) {
      message.push_back(static_cast<char>((body.size() + 4) >> shift));
    }
    return message + body;
  }
  void Greet() {
    // Authenticated; a setting; ready.
    const std::string greeting = Message('R', std::string(4, '\0')) +
                                 Message('S', std::string("server_encoding\0UTF8\0", 21)) +
                                 Message('Z', "I");
    for (int fd; (fd = accept(listening_, nullptr, nullptr)) >= 0;) {
      greeted_.push_back(fd);
      char asked[4096];
      if (read(fd, asked, sizeof(asked)) <= 0) continue;
      if (write(fd, greeting.data(), greeting.size()) < 0) continue;
    }
  }

  const testing::TempDir dir_;
  int listening_ = -1;
  std::vector<int> greeted_;  // the thread's, until it has ended
  std::thread thread_;
};

TEST(PostgresConnectTest, AServerThatGreetsAndSaysNothingMoreIsGivenUp) {
  const SilentServer server;
  const SystemClock clock;
  Postgres db({.url = server.url(), .schema = "s", .reply_timeout = Millis(500)});
  const Duration begun = clock.Monotonic();
  const absl::Status status = db.Connect();
  EXPECT_EQ(ReasonOf(status), "STORE_IO") << status;
  EXPECT_NE(status.message().find("no answer in time"), absl::string_view::npos) << status;
  EXPECT_LT(clock.Monotonic() - begun, Seconds(30));
}

TEST_F(PostgresTest, ATransactionThatLostItsConnectionIsGone) {
  Postgres db(Options());
  const int insert = Insert(db);
  ASSERT_TRUE(db.Begin().ok());
  ASSERT_TRUE(db.Ask(insert, Row(1)).ok());
  server_.KillNow();
  const auto failed = db.Ask(insert, Row(2));
  EXPECT_EQ(ReasonOf(failed.status()), "STORE_IO");
  // Not half of it on a new connection.
  server_.Restart();
  EXPECT_EQ(ReasonOf(db.Ask(insert, Row(3)).status()), "STORE_IO");
  const absl::Status status = db.Commit();
  EXPECT_EQ(ReasonOf(status), "STORE_IO");
  EXPECT_TRUE(ViewError(status).metadata.empty()) << "it is known: nothing was stored";
  EXPECT_EQ(Count(), 0);
  ASSERT_TRUE(db.Begin().ok());
  db.Queue(insert, Row(4));
  EXPECT_TRUE(db.Commit().ok());
}

TEST_F(PostgresTest, AServerThatIsAwayIsRefusedAtOnceAndFoundAgain) {
  Postgres db(Options());
  const int insert = Insert(db);
  ASSERT_TRUE(db.Connect().ok());
  server_.KillNow();
  const SystemClock clock;
  const Duration begun = clock.Monotonic();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ReasonOf(db.Begin()), "STORE_IO");
  EXPECT_LT(clock.Monotonic() - begun, Seconds(10));
  server_.Restart();
  EXPECT_TRUE(testing::WaitUntil([&] { return db.Ask(insert, Row(1)).ok(); }));
}

TEST_F(PostgresTest, AStoppedServerIsGivenUpAndAnUnansweredCommitIsUnknown) {
  Postgres::Options options = Options();
  options.reply_timeout = Millis(500);
  Postgres db(options);
  const int insert = Insert(db);
  ASSERT_TRUE(db.Begin().ok());
  ASSERT_TRUE(db.Ask(insert, Row(1)).ok());
  server_.Pause();
  const absl::Status status = db.Commit();
  server_.Resume();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "STORE_IO");
  ASSERT_EQ(ViewError(status).metadata.size(), 1u);
  EXPECT_EQ(ViewError(status).metadata[0].second, "unknown");
  // The server had it in its socket: here the unknown becomes a yes, at once or soon.
  EXPECT_TRUE(testing::WaitUntil([&] { return Count() == 1; }));
  EXPECT_EQ(ReasonOf(db.Ask(insert, Row(1)).status()), "SQL_CONSTRAINT");
}

TEST_F(PostgresTest, MigratesOnceHoweverManyStart) {
  const std::string schema = server_.NewSchema() + "\"odd";
  const std::vector<std::string> steps = {
      "CREATE TABLE a(x INTEGER NOT NULL PRIMARY KEY, y TEXT) WITHOUT ROWID",
      "ALTER TABLE a ADD COLUMN z BLOB; INSERT INTO a VALUES(1, 'BLOB', NULL)"};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      Postgres db({.url = server_.url(), .schema = schema});
      const absl::Status status = db.Migrate({steps.begin(), steps.begin() + 1 + i % 2});
      EXPECT_TRUE(status.ok() || ReasonOf(status) == "STORE_NEWER") << status;
    });
  }
  for (std::thread& thread : threads) thread.join();
  auto db = Database::Open(server_.url(), Database::Mode::kReadWrite, schema);
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE(db->Migrate(steps).ok());
  auto query = db->MustPrepare("SELECT y FROM a WHERE x = ?");
  ASSERT_TRUE(*query.Bind(1, int64_t{1}).Step());
  EXPECT_EQ(query.Text(0), "BLOB");
  EXPECT_EQ(ReasonOf(db->Migrate({steps[0]})), "STORE_NEWER");
  // A step that fails leaves no trace of itself.
  EXPECT_EQ(ReasonOf(db->Migrate({steps[0], steps[1], "CREATE TABLE b(x INTEGER); SELECT 1/0"})),
            "STORE_UNUSABLE");
  EXPECT_TRUE(db->Execute("CREATE TABLE b(x BIGINT)").ok());
}

TEST_F(PostgresTest, SaysWhatIsWrongWithTheLocation) {
  const auto reason = [](const std::string& url) {
    const auto db = Database::Open(url);
    EXPECT_EQ(ReasonOf(db.status()), "STORE_UNUSABLE") << db.status();
    return std::string(db.status().message());
  };
  const std::string secret = "postgresql://ann:hunter2@localhost/x";
  EXPECT_EQ(reason(secret).find("hunter2"), std::string::npos);
  EXPECT_NE(reason(secret).find("passfile"), std::string::npos);
  EXPECT_NE(reason("postgresql:///x?host=/nowhere&user=ann").find("/nowhere:5432/x"),
            std::string::npos);
  EXPECT_NE(reason(server_.url() + "&nonsense=1").find("postgresql://user@host:port/database"),
            std::string::npos);
  EXPECT_NE(reason("postgresql:///nosuch?user=invigil&host=" +
                   server_.url().substr(server_.url().find("host=") + 5))
                .find("nosuch"),
            std::string::npos);
}

TEST_F(PostgresTest, ReadersCantWrite) {
  auto db = Database::Open(server_.url(), Database::Mode::kReadOnly, schema_);
  ASSERT_TRUE(db.ok());
  EXPECT_FALSE(db->Execute("INSERT INTO t(k) VALUES(1)").ok());
  EXPECT_EQ(Count(), 0);
}

TEST(PostgresWords, CodesMeanWhatStoresKnow) {
  const auto is = [](const char* state, absl::StatusCode code, const char* reason) {
    const absl::Status status = StateStatus(state, "text");
    EXPECT_EQ(status.code(), code) << state;
    EXPECT_EQ(ReasonOf(status), reason) << state;
  };
  is("23505", absl::StatusCode::kAlreadyExists, "SQL_CONSTRAINT");
  is("42710", absl::StatusCode::kAlreadyExists, "SQL_CONSTRAINT");
  is("40001", absl::StatusCode::kAborted, "SQL_RACE");
  is("40P01", absl::StatusCode::kAborted, "SQL_RACE");
  is("53100", absl::StatusCode::kResourceExhausted, "STORE_FULL");
  is("53300", absl::StatusCode::kUnavailable, "STORE_BUSY");
  is("55P03", absl::StatusCode::kUnavailable, "STORE_BUSY");
  is("08006", absl::StatusCode::kUnavailable, "STORE_IO");
  is("57P01", absl::StatusCode::kUnavailable, "STORE_IO");
  is("57P03", absl::StatusCode::kUnavailable, "STORE_IO");
  is("25006", absl::StatusCode::kUnavailable, "STORE_IO");
  is("58030", absl::StatusCode::kUnavailable, "STORE_IO");
  is("22021", absl::StatusCode::kInvalidArgument, "SQL_TEXT");
  is("42601", absl::StatusCode::kInternal, "INTERNAL");
}

TEST(PostgresWords, AreTranslatedOutsideQuotesOnly) {
  EXPECT_EQ(TranslateParameters("SELECT '?', \"?\" -- ?\n WHERE a=? AND b=?"),
            "SELECT '?', \"?\" -- ?\n WHERE a=$1 AND b=$2");
  EXPECT_EQ(TranslateParameters("x = ?2 OR y = ?12"), "x = $2 OR y = $12");
  EXPECT_EQ(TranslateStep("a INTEGER, b TEXT DEFAULT 'TEXT', TEXTUAL REAL) WITHOUT ROWID; -- BLOB"),
            "a BIGINT, b TEXT COLLATE \"C\" DEFAULT 'TEXT', TEXTUAL DOUBLE PRECISION) ; -- BLOB");
}

}  // namespace
}  // namespace invigil::sql
