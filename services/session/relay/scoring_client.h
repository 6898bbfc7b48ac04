// Scoring as the relay sees it.
#pragma once

#include <memory>

#include "common/auth/token.h"
#include "services/session/relay/amendments.h"
#include "services/session/relay/relay.h"

namespace grpc {
class Channel;
}

namespace invigil::session {

// Asks scoring over `channel`, each try with its own deadline. `identity` outlives it.
ScoreSession MakeScoringClient(std::shared_ptr<grpc::Channel> channel,
                               auth::ServiceIdentity& identity, Duration deadline = Seconds(5));
// The same for new versions of scores.
AmendmentSource MakeAmendmentSource(const std::shared_ptr<grpc::Channel>& channel,
                                    auth::ServiceIdentity& identity,
                                    Duration deadline = Seconds(5));

}  // namespace invigil::session
