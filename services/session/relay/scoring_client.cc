#include "services/session/relay/scoring_client.h"

#include <grpcpp/grpcpp.h>

#include "common/client/channel.h"
#include "common/rpc/status.h"
#include "invigil/scoring/v1/scoring.grpc.pb.h"
#include "services/session/rpc/convert.h"

namespace invigil::session {
namespace {

struct Call {
  grpc::ClientContext context;
  scoring::v1::ScoreSessionRequest request;
  scoring::v1::ScoreSessionResponse response;
};

}  // namespace

ScoreSession MakeScoringClient(std::shared_ptr<grpc::Channel> channel,
                               auth::ServiceIdentity& identity, Duration deadline) {
  auto stub = std::make_shared<scoring::v1::ScoringService::Stub>(std::move(channel));
  return [stub, &identity, deadline](const SessionId& session,
                                     const std::shared_ptr<const State>& state,
                                     const telemetry::TraceContext& trace,
                                     std::function<void(absl::StatusOr<ScoredReport>)> done) {
    auto call = std::make_shared<Call>();
    call->request = ScoreRequest(session, *state);
    client::Prepare(call->context, deadline, identity.Token(), trace);
    stub->async()->ScoreSession(
        &call->context, &call->request, &call->response,
        [call, done = std::move(done)](grpc::Status status) {
          if (!status.ok()) {
            done(rpc::FromGrpc(status));
            return;
          }
          const auto& score = call->response.score();
          done(ScoredReport{.score_version = score.score_version(),
                            .report = std::make_shared<const std::string>(
                                CandidateReport(score).SerializeAsString())});
        });
  };
}

}  // namespace invigil::session
