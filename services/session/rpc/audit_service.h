// AuditService: the journal checked, a session's timeline. Reads that may take minutes run on a
// thread of their own with a reader of their own, so that nothing a candidate needs waits for them.
#pragma once

#include <memory>

#include "common/rpc/guard.h"
#include "services/session/store/event_log.h"

namespace grpc {
class Service;
}

namespace invigil::session {

// `guard` outlives it.
std::shared_ptr<grpc::Service> MakeAuditService(const rpc::Guard& guard,
                                                std::unique_ptr<EventLogReader> reader);

}  // namespace invigil::session
