// The stores that tests run on; one suite for all: TEST_P with kTestStores.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "common/sql/database.h"
#include "common/testing/postgres_server.h"
#include "common/testing/temp_dir.h"
#include "services/session/store/postgres_event_log.h"
#include "services/session/store/sqlite_event_log.h"

namespace invigil::session {

inline const auto kTestStores = ::testing::Values("sqlite", "postgresql");

// SQL after which the journal ends with row `n`, as in a store that lost what it committed later.
inline std::string CutJournal(uint64_t n) {
  const std::string row = std::to_string(n);
  return "DELETE FROM notices WHERE n>" + row + "; DELETE FROM journal WHERE n>" + row +
         "; UPDATE journal_head SET n=" + row + ", hash=(SELECT hash FROM journal WHERE n=" + row +
         ")";
}

// An empty store, which may be opened any number of times.
class TestStore {
 public:
  explicit TestStore(const std::string& kind) : postgres_(kind == "postgresql") {
    if (postgres_) schema_ = testing::PostgresServer::Shared().NewSchema();
  }
  static std::string Name(const ::testing::TestParamInfo<const char*>& info) { return info.param; }

  // `settings`: what the URL says besides, as "&options=...".
  std::unique_ptr<EventLog> OpenLog(const std::string& settings = "") const {
    return postgres_
               ? *OpenPostgresEventLog(testing::PostgresServer::Shared().url() + settings, schema_)
               : *OpenSqliteEventLog(dir_.Path("s.db"));
  }
  std::unique_ptr<EventLogReader> OpenReader() const {
    return postgres_ ? *OpenPostgresEventLogReader(testing::PostgresServer::Shared().url(), schema_)
                     : *OpenSqliteEventLogReader(dir_.Path("s.db"));
  }

  // Behind everybody's back.
  void Execute(const std::string& sql) const {
    auto db =
        sql::Database::Open(postgres_ ? testing::PostgresServer::Shared().url() : dir_.Path("s.db"),
                            sql::Database::Mode::kReadWrite, schema_);
    ASSERT_TRUE(db.ok()) << db.status();
    const absl::Status status = db->Execute(sql);
    ASSERT_TRUE(status.ok()) << status;
  }

  // As a server that is promoted and lacks what `sql` takes out: every connection breaks, and then
  // it is gone. PostgreSQL only.
  void FailOver(const std::string& sql) const {
    testing::PostgresServer::Shared().Restart();
    Execute(sql);
  }

 private:
  const bool postgres_;
  const testing::TempDir dir_;
  std::string schema_;
};

}  // namespace invigil::session
