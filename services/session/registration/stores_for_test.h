// The databases that the room's tests run on; one suite for all: TEST_P with kTestStores.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "common/testing/postgres_server.h"
#include "common/testing/temp_dir.h"
#include "services/session/registration/desk.h"
#include "services/session/store/stores_for_test.h"

namespace invigil::session::registration {

// Empty tables, which may be opened any number of times.
class TestDatabase {
 public:
  explicit TestDatabase(const std::string& kind) {
    if (kind == "postgresql") {
      locations_.registrations = locations_.sessions = testing::PostgresServer::Shared().url();
      locations_.registrations_schema = testing::PostgresServer::Shared().NewSchema();
      locations_.sessions_schema = testing::PostgresServer::Shared().NewSchema();
    } else {
      locations_.registrations = dir_.Path("registration.db");
      locations_.sessions = dir_.Path("session.db");
    }
  }
  const Locations& locations() const { return locations_; }
  std::unique_ptr<Store> OpenStore() const {
    return *Store::Open(locations_.registrations, locations_.registrations_schema);
  }
  std::unique_ptr<EventLog> OpenSessions() const {
    return sql::IsPostgres(locations_.sessions)
               ? *OpenPostgresEventLog(locations_.sessions, locations_.sessions_schema)
               : *OpenSqliteEventLog(locations_.sessions);
  }
  std::unique_ptr<EventLogReader> OpenSessionsReader() const {
    return sql::IsPostgres(locations_.sessions)
               ? *OpenPostgresEventLogReader(locations_.sessions, locations_.sessions_schema)
               : *OpenSqliteEventLogReader(locations_.sessions);
  }

 private:
  const testing::TempDir dir_;
  Locations locations_;
};

}  // namespace invigil::session::registration
