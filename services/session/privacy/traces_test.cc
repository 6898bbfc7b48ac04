#include "services/session/privacy/traces.h"

#include <gtest/gtest.h>

#include "common/sql/database.h"
#include "common/testing/temp_dir.h"

namespace invigil::session::privacy {
namespace {

const char kWord[] = "candidate-ann-5f0c1d7e";

class TracesTest : public ::testing::Test {
 protected:
  // A file that has the word once in a row, and once more where a row was.
  void SetUp() override {
    auto db = sql::Database::Open(path_);
    ASSERT_TRUE(db.ok()) << db.status();
    const std::string word = kWord;
    const absl::Status made = db->Execute(
        "PRAGMA secure_delete=OFF; CREATE TABLE t(n INTEGER PRIMARY KEY, text TEXT NOT NULL);"
        "INSERT INTO t VALUES(1, 'x" +
        word + "'), (2, 'y" + word + "'), (3, 'z'); DELETE FROM t WHERE n=1");
    ASSERT_TRUE(made.ok()) << made;
  }
  void Run(const std::string& sql) {
    auto db = sql::Database::Open(path_);
    ASSERT_TRUE(db.ok()) << db.status();
    const absl::Status status = db->Execute(sql);
    ASSERT_TRUE(status.ok()) << status;
  }
  uint64_t Wipe(std::string_view word, TracesOptions options = {}) {
    const auto left = WipeTraces(path_, word, options);
    EXPECT_TRUE(left.ok()) << left.status();
    return left.value_or(999);
  }

  const testing::TempDir dir_;
  const std::string path_ = dir_.Path("t.db");
};

TEST_F(TracesTest, WhatWasDeletedGoesAndWhatIsThereStays) {
  EXPECT_EQ(Wipe(kWord, {.pack_up_to = 0}), 2u) << "not packed: the row and its trace";
  EXPECT_EQ(Wipe(kWord), 1u) << "packed: the row";
  Run("DELETE FROM t WHERE n=2");
  EXPECT_EQ(Wipe(kWord), 0u);
  EXPECT_EQ(Wipe("another word"), 0u);
}

TEST_F(TracesTest, WhatStandsInTheLogCounts) {
  auto db = sql::Database::Open(path_);  // keeps the log
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE(db->Execute("DELETE FROM t").ok());
  EXPECT_EQ(Wipe(kWord), 0u);
  EXPECT_EQ(Wipe("ann"), 0u) << "too short to be looked for";
}

TEST_F(TracesTest, AWordAcrossTwoReadsIsFound) {
  // More than a read's worth of text, so that some word lies across its end.
  Run("DELETE FROM t; WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE i<120000) "
      "INSERT INTO t SELECT i, 'candidate-ann-5f0c1d7e' FROM k");
  EXPECT_EQ(Wipe(kWord), 120'000u);
}

}  // namespace
}  // namespace invigil::session::privacy
