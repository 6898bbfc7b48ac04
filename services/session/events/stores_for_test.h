// The stores that the room's tests run on; one suite for all: TEST_P with kTestStores.
#pragma once

#include <memory>
#include <string>

#include "services/session/events/notice_reader.h"
#include "services/session/events/webhook_store.h"
#include "services/session/store/sqlite_schema.h"
#include "services/session/store/stores_for_test.h"

namespace invigil::session {

// An empty store of sessions and what is read of it, opened any number of times.
class EventsTestStore {
 public:
  explicit EventsTestStore(const std::string& kind) {
    if (kind == "postgresql") {
      location_ = testing::PostgresServer::Shared().url();
      schema_ = testing::PostgresServer::Shared().NewSchema();
    } else {
      location_ = dir_.Path("s.db");
      schema_ = "unused";
    }
  }
  std::unique_ptr<EventLog> OpenLog() const {
    return sql::IsPostgres(location_) ? *OpenPostgresEventLog(location_, schema_)
                                      : *OpenSqliteEventLog(location_);
  }
  std::unique_ptr<NoticeReader> OpenNotices() const {
    return *NoticeReader::Open(location_, schema_);
  }
  std::unique_ptr<NoticeKeeper> OpenKeeper() const {
    return *NoticeKeeper::Open(location_, schema_);
  }
  // Behind everybody's back.
  void Execute(const std::string& sql) const {
    auto db = sql::Database::Open(location_, sql::Database::Mode::kReadWrite, schema_);
    ASSERT_TRUE(db.ok()) << db.status();
    const absl::Status status = db->Execute(sql);
    ASSERT_TRUE(status.ok()) << status;
  }
  const testing::TempDir& dir() const { return dir_; }
  const std::string& location() const { return location_; }

 private:
  const testing::TempDir dir_;
  std::string location_, schema_;
};

// The tables of webhooks, empty.
class WebhookTestStore {
 public:
  explicit WebhookTestStore(const std::string& kind) {
    if (kind == "postgresql") {
      location_ = testing::PostgresServer::Shared().url();
      schema_ = testing::PostgresServer::Shared().NewSchema();
    } else {
      location_ = dir_.Path("w.db");
      schema_ = "unused";
    }
  }
  std::unique_ptr<WebhookStore> Open() const { return *WebhookStore::Open(location_, schema_); }

 private:
  const testing::TempDir dir_;
  std::string location_, schema_;
};

}  // namespace invigil::session
