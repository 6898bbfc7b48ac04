// The event log in an SQLite file. Any number of processes may have the file open; SQLite's write
// lock, held from Begin to Commit, orders their transactions.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/session/store/event_log.h"

namespace invigil::session {

// Opens the file, making it and its tables when absent. Errors: FAILED_PRECONDITION
// (STORE_UNUSABLE, STORE_NEWER).
absl::StatusOr<std::unique_ptr<EventLog>> OpenSqliteEventLog(const std::string& path);

// On a file that OpenSqliteEventLog has opened before. Errors: as above.
absl::StatusOr<std::unique_ptr<EventLogReader>> OpenSqliteEventLogReader(const std::string& path);

}  // namespace invigil::session
