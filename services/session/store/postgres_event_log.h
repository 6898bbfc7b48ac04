// The event log in PostgreSQL, for any number of replicas. No lock is held while a replica thinks:
// a transaction is sent down the pipeline at its end, and what another replica did meanwhile shows
// there as a lost race. One wait settles a batch of saves; with an act among them it takes two: the
// journal's head is read, and held, between the rest and the commit.
//
// Appends and projections are queued; their errors come from the next lookup or from Commit.
// Generation counts connections: after a failover the server may lack what it had committed, and
// memory must forget it (MayForget). What other replicas did doesn't move it: what the engine knew
// and relied on is compared at Commit instead.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/session/store/event_log.h"

namespace invigil::session {

// The schema that holds the tables, in whichever database the URL names.
inline constexpr char kPostgresSchema[] = "invigil_session";

// Connects and makes the tables when absent. Errors: FAILED_PRECONDITION (STORE_UNUSABLE,
// STORE_NEWER).
absl::StatusOr<std::unique_ptr<EventLog>> OpenPostgresEventLog(
    const std::string& url, const std::string& schema = kPostgresSchema);

// On a schema that OpenPostgresEventLog has opened before. Errors: as above.
absl::StatusOr<std::unique_ptr<EventLogReader>> OpenPostgresEventLogReader(
    const std::string& url, const std::string& schema = kPostgresSchema);

}  // namespace invigil::session
