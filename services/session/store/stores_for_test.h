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

  // As a server that is promoted and lacks what `sql` takes out: every connection breaks, and then
  // it is gone. PostgreSQL only.
  void FailOver(const std::string& sql) const {
    auto& server = testing::PostgresServer::Shared();
    server.Restart();
    auto db = sql::Database::Open(server.url(), sql::Database::Mode::kReadWrite, schema_);
    ASSERT_TRUE(db.ok()) << db.status();
    const absl::Status status = db->Execute(sql);
    ASSERT_TRUE(status.ok()) << status;
  }

 private:
  const bool postgres_;
  const testing::TempDir dir_;
  std::string schema_;
};

}  // namespace invigil::session
