// The adapter of DeliveryService: admits, converts, hands to the engine, answers.
#pragma once

#include <memory>

#include "common/auth/token.h"
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
class Starter;
class Ticker;

// All outlive the service.
struct DeliveryParts {
  const rpc::Guard& guard;
  auth::TokenVerifier& verifier;  // of tokens within requests
  SessionEngine& engine;
  Starter& starter;
  Relay& relay;
  Ticker& ticker;
  const auth::TokenMinter& minter;
  const Clock& clock;
  // How long SubmitSession waits for the score before it answers without.
  Duration score_wait = Seconds(2);
  // How often a stream shows time and state anew: a little sooner than the five seconds promised.
  Duration heartbeat = Seconds(4);
};

std::shared_ptr<grpc::Service> MakeDeliveryService(const DeliveryParts& parts);

}  // namespace invigil::session
