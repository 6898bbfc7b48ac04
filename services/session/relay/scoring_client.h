// Scoring as the relay sees it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

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
// Tells scoring whose these sessions are from now on, a learner or a name nobody can trace; waits
// for it. Errors: those of scoring, UNAVAILABLE when it does not answer.
using AssignSessions =
    std::function<absl::Status(const std::vector<SessionId>& sessions, const std::string& learner)>;
AssignSessions MakeAssignSessions(const std::shared_ptr<grpc::Channel>& channel,
                                  auth::ServiceIdentity& identity, Duration deadline = Seconds(5));

}  // namespace invigil::session
