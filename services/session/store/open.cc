#include "services/session/store/open.h"

#include "common/sql/database.h"
#include "services/session/store/postgres_event_log.h"
#include "services/session/store/sqlite_event_log.h"

namespace invigil::session {

absl::StatusOr<std::unique_ptr<EventLog>> OpenEventLog(const std::string& location) {
  return sql::IsPostgres(location) ? OpenPostgresEventLog(location) : OpenSqliteEventLog(location);
}

absl::StatusOr<std::unique_ptr<EventLogReader>> OpenEventLogReader(const std::string& location) {
  return sql::IsPostgres(location) ? OpenPostgresEventLogReader(location)
                                   : OpenSqliteEventLogReader(location);
}

}  // namespace invigil::session
