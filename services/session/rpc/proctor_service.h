// The adapter of ProctorService: admits, converts, hands to the engine, answers, leaves audit
// lines.
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "services/session/engine/session_engine.h"

namespace grpc {
class Service;
}
namespace invigil::rpc {
class Guard;
}

namespace invigil::session {

class Relay;
class Roster;
class Ticker;

// All outlive the service. `reader` is the service's own: long lists must not hold up the timers.
struct ProctorParts {
  const rpc::Guard& guard;
  SessionEngine& engine;
  EventLogReader& reader;
  const std::shared_ptr<Roster> roster;
  Relay& relay;
  Ticker& ticker;
  const Clock& clock;
  // How often WatchRoster sends what changed.
  Duration watch_every = Seconds(1);
};

std::shared_ptr<grpc::Service> MakeProctorService(const ProctorParts& parts);

}  // namespace invigil::session
