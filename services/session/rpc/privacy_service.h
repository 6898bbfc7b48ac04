// PrivacyService: what is kept of a candidate, given out or erased. Both run on a thread of their
// own, one call at a time, so that nothing a candidate needs waits for them.
#pragma once

#include <functional>
#include <memory>

#include "common/rpc/guard.h"
#include "services/session/store/event_log.h"

namespace grpc {
class Service;
}

namespace invigil::session {

namespace privacy {
class Keeper;
class Privacy;
}  // namespace privacy

// All outlive the service.
struct PrivacyParts {
  const rpc::Guard& guard;
  privacy::Privacy& privacy;
  privacy::Keeper& keeper;
  std::unique_ptr<EventLogReader> reader;        // its own
  std::function<absl::Status(Remark)> remark;    // into the journal; waits until it is durable
  std::function<void(const SessionId&)> reload;  // memory forgets a session, soon
};

// At its end, calls that were not answered are: UNAVAILABLE (SHUTTING_DOWN).
std::shared_ptr<grpc::Service> MakePrivacyService(PrivacyParts parts);

}  // namespace invigil::session
