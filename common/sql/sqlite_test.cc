#include "common/sql/database.h"

#include <gtest/gtest.h>

#include "common/testing/temp_dir.h"

namespace invigil::sql {
namespace {

TEST(Sqlite, CommittedRowsAreThereAfterReopening) {
  testing::TempDir dir;
  {
    auto db = Database::Open(dir.Path("x.db"));
    ASSERT_TRUE(db.ok()) << db.status();
    ASSERT_TRUE(db->Migrate({"CREATE TABLE t(k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID"}).ok());
    auto transaction = Transaction::Begin(*db);
    ASSERT_TRUE(transaction.ok());
    auto insert = db->MustPrepare("INSERT INTO t VALUES(?, ?)");
    const std::string blob("a\0b", 3);
    EXPECT_TRUE(insert.BindText(1, "k").BindBlob(2, blob).Run().ok());
    EXPECT_EQ(ReasonOf(insert.BindText(1, "k").BindBlob(2, blob).Run()), "SQL_CONSTRAINT");
    EXPECT_TRUE(transaction->Commit().ok());
  }
  auto db = Database::Open(dir.Path("x.db"), Database::Mode::kReadOnly);
  ASSERT_TRUE(db.ok());
  auto query = db->MustPrepare("SELECT v FROM t WHERE k = ?");
  query.BindText(1, "k");
  ASSERT_TRUE(*query.Step());
  EXPECT_EQ(query.Text(0), std::string("a\0b", 3));
}

TEST(Sqlite, UncommittedRowsVanish) {
  testing::TempDir dir;
  auto db = Database::Open(dir.Path("x.db"));
  ASSERT_TRUE(db->Migrate({"CREATE TABLE t(k INTEGER PRIMARY KEY)"}).ok());
  {
    auto transaction = Transaction::Begin(*db);
    ASSERT_TRUE(db->Execute("INSERT INTO t VALUES(1)").ok());
  }
  auto query = db->MustPrepare("SELECT count(*) FROM t");
  ASSERT_TRUE(*query.Step());
  EXPECT_EQ(query.Int(0), 0);
}

TEST(Sqlite, MigratesOnceAndRefusesANewerFile) {
  testing::TempDir dir;
  auto db = Database::Open(dir.Path("x.db"));
  const std::vector<std::string> steps = {"CREATE TABLE a(x)", "CREATE TABLE b(x)"};
  ASSERT_TRUE(db->Migrate({steps[0]}).ok());
  ASSERT_TRUE(db->Migrate(steps).ok());
  ASSERT_TRUE(db->Migrate(steps).ok());
  EXPECT_EQ(ReasonOf(db->Migrate({steps[0]})), "STORE_NEWER");
}

TEST(Sqlite, SaysWhichFileCannotBeOpened) {
  auto db = Database::Open("/nowhere/x.db");
  EXPECT_EQ(ReasonOf(db.status()), "STORE_UNUSABLE");
  EXPECT_NE(std::string(db.status().message()).find("/nowhere/x.db"), std::string::npos);
}

}  // namespace
}  // namespace invigil::sql
