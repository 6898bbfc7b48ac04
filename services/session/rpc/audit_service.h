// AuditService: the journal checked, a session's timeline. Both run on a thread and a reader of
// their own, so that nothing a candidate needs waits for them, and no timeline for a check, which
// may take minutes. A check whose caller has left ends at once.
#pragma once

#include <memory>

#include "common/rpc/guard.h"
#include "services/session/store/event_log.h"

namespace grpc {
class Service;
}

namespace invigil::session {

// `guard` outlives it. At its end, calls that were not answered are: UNAVAILABLE (SHUTTING_DOWN).
std::shared_ptr<grpc::Service> MakeAuditService(const rpc::Guard& guard,
                                                std::unique_ptr<EventLogReader> for_checks,
                                                std::unique_ptr<EventLogReader> for_timelines);

}  // namespace invigil::session
