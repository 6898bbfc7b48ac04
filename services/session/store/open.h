// A session store by its location: the path of an SQLite file, or postgresql://...
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/session/store/event_log.h"

namespace invigil::session {

// Makes the tables when absent. Errors: FAILED_PRECONDITION (STORE_UNUSABLE, STORE_NEWER).
absl::StatusOr<std::unique_ptr<EventLog>> OpenEventLog(const std::string& location);

// On a store that OpenEventLog has opened before. Errors: as above.
absl::StatusOr<std::unique_ptr<EventLogReader>> OpenEventLogReader(const std::string& location);

}  // namespace invigil::session
