#include "services/session/relay/scoring_client.h"

#include <grpcpp/grpcpp.h>

#include "common/client/channel.h"
#include "common/rpc/status.h"
#include "invigil/scoring/v1/learner.grpc.pb.h"
#include "invigil/scoring/v1/rescoring.grpc.pb.h"
#include "invigil/scoring/v1/scoring.grpc.pb.h"
#include "services/session/rpc/convert.h"

namespace invigil::session {
namespace {

template <typename Request, typename Response>
struct CallOf {
  grpc::ClientContext context;
  Request request;
  Response response;
};
using Call = CallOf<scoring::v1::ScoreSessionRequest, scoring::v1::ScoreSessionResponse>;
using ListCall = CallOf<scoring::v1::ListAmendmentsRequest, scoring::v1::ListAmendmentsResponse>;
using AcknowledgeCall =
    CallOf<scoring::v1::AcknowledgeAmendmentsRequest, scoring::v1::AcknowledgeAmendmentsResponse>;

ScoredReport ReportOf(const scoring::v1::Score& score) {
  return {
      .score_version = score.score_version(),
      .report = std::make_shared<const std::string>(CandidateReport(score).SerializeAsString())};
}

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
    stub->async()->ScoreSession(&call->context, &call->request, &call->response,
                                [call, done = std::move(done)](grpc::Status status) {
                                  if (!status.ok()) {
                                    done(rpc::FromGrpc(status));
                                    return;
                                  }
                                  done(ReportOf(call->response.score()));
                                });
  };
}

AmendmentSource MakeAmendmentSource(const std::shared_ptr<grpc::Channel>& channel,
                                    auth::ServiceIdentity& identity, Duration deadline) {
  auto stub = std::make_shared<scoring::v1::RescoringService::Stub>(channel);
  AmendmentSource source;
  source.list = [stub, &identity, deadline](
                    uint64_t after, size_t limit,
                    std::function<void(absl::StatusOr<std::vector<Amendment>>)> done) {
    auto call = std::make_shared<ListCall>();
    call->request.set_after_sequence(after);
    call->request.set_page_size(static_cast<uint32_t>(limit));
    client::Prepare(call->context, deadline, identity.Token(), telemetry::TraceContext::New());
    stub->async()->ListAmendments(
        &call->context, &call->request, &call->response,
        [call, done = std::move(done)](grpc::Status status) {
          if (!status.ok()) {
            done(rpc::FromGrpc(status));
            return;
          }
          std::vector<Amendment> amendments;
          for (const auto& from : call->response.amendments()) {
            amendments.push_back({.sequence = from.sequence(),
                                  .session_id = from.score().session_id(),
                                  .attempt_version = from.attempt_version(),
                                  .scored = ReportOf(from.score())});
          }
          done(std::move(amendments));
        });
  };
  source.acknowledge = [stub, &identity, deadline](std::vector<uint64_t> sequences,
                                                   std::function<void(absl::Status)> done) {
    auto call = std::make_shared<AcknowledgeCall>();
    call->request.mutable_sequences()->Assign(sequences.begin(), sequences.end());
    client::Prepare(call->context, deadline, identity.Token(), telemetry::TraceContext::New());
    stub->async()->AcknowledgeAmendments(
        &call->context, &call->request, &call->response,
        [call, done = std::move(done)](grpc::Status status) { done(rpc::FromGrpc(status)); });
  };
  return source;
}

AssignSessions MakeAssignSessions(const std::shared_ptr<grpc::Channel>& channel,
                                  auth::ServiceIdentity& identity, Duration deadline) {
  const auto stub = std::make_shared<scoring::v1::LearnerService::Stub>(channel);
  return [stub, &identity, deadline](const std::vector<SessionId>& sessions,
                                     const std::string& learner) {
    scoring::v1::AssignSessionsRequest request;
    scoring::v1::AssignSessionsResponse response;
    for (const SessionId& session : sessions) request.add_session_ids(session.ToHex());
    request.set_learner_id(learner);
    grpc::ClientContext context;
    client::Prepare(context, deadline, identity.Token(), telemetry::TraceContext::New());
    return rpc::FromGrpc(stub->AssignSessions(&context, request, &response));
  };
}

}  // namespace invigil::session
