#include "services/scoring/rpc/scoring_service.h"

#include <utility>

#include "common/error/error.h"
#include "common/rpc/unary.h"
#include "invigil/scoring/v1/scoring.grpc.pb.h"
#include "services/scoring/rpc/convert.h"

namespace invigil::scoring {
namespace {

using rpc::UnaryCall;

constexpr size_t kLongestId = 64;

bool IsId(const std::string& id) { return !id.empty() && id.size() <= kLongestId; }

absl::Status CheckSession(const std::string& session_id) {
  if (IsId(session_id)) return absl::OkStatus();
  return InvalidArgument("REQUEST_INVALID", "name the session")
      .Field("session_id", "1 to 64 characters");
}

absl::Status Check(const v1::ScoreSessionRequest& request) {
  Error error = InvalidArgument("RESPONSE_INVALID", "the request can't be scored; see the fields");
  bool good = true;
  const auto require = [&](bool ok, const char* field, const char* what) {
    if (!ok) error.Field(field, what);
    good &= ok;
  };
  require(IsId(request.session_id()), "session_id", "1 to 64 characters");
  require(IsId(request.form_id()), "form_id", "1 to 64 characters");
  require(request.attempt_version() > 0, "attempt_version", "1 or more");
  return good ? absl::OkStatus() : error.Build();
}

class ScoringService final : public v1::ScoringService::CallbackService {
 public:
  ScoringService(const rpc::Guard& guard, Scorer& scorer, rpc::Executor& executor)
      : guard_(guard),
        scorer_(scorer),
        executor_(executor),
        score_session_(guard.Find("/invigil.scoring.v1.ScoringService/ScoreSession")),
        get_score_(guard.Find("/invigil.scoring.v1.ScoringService/GetScore")),
        explain_score_(guard.Find("/invigil.scoring.v1.ScoringService/ExplainScore")) {}

  grpc::ServerUnaryReactor* ScoreSession(grpc::CallbackServerContext* context,
                                         const v1::ScoreSessionRequest* request,
                                         v1::ScoreSessionResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, guard_, score_session_);
    if (!call->admitted()) return call;
    if (absl::Status status = Check(*request); !status.ok()) {
      call->Finish(status);
      return call;
    }
    scorer_.ScoreSession({.session_id = request->session_id(),
                          .attempt_version = request->attempt_version(),
                          .form_id = request->form_id(),
                          .responses = ResponsesFromProto(*request),
                          .sitting = SittingFromProto(*request),
                          .time_left = [call] { return call->TimeLeft(Seconds(10)); },
                          .trace = call->trace()},
                         [call, response](absl::StatusOr<ScoreRecord> record) {
                           call->Finish(record.ok() ? FillScore(*record, response->mutable_score())
                                                    : record.status());
                         });
    return call;
  }

  grpc::ServerUnaryReactor* GetScore(grpc::CallbackServerContext* context,
                                     const v1::GetScoreRequest* request,
                                     v1::GetScoreResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, guard_, get_score_);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(executor_, call,
                     [this, call, request, response] { call->Finish(Read(*request, *response)); });
    return call;
  }

  grpc::ServerUnaryReactor* ExplainScore(grpc::CallbackServerContext* context,
                                         const v1::ExplainScoreRequest* request,
                                         v1::ExplainScoreResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, guard_, explain_score_);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(executor_, call, [this, call, request, response] {
      call->Finish(Explain(*request, *response));
    });
    return call;
  }

 private:
  absl::Status Read(const v1::GetScoreRequest& request, v1::GetScoreResponse& response) {
    INVIGIL_RETURN_IF_ERROR(CheckSession(request.session_id()));
    const auto record = scorer_.GetScore(request.session_id(), request.score_version());
    return record.ok() ? FillScore(*record, response.mutable_score()) : record.status();
  }

  absl::Status Explain(const v1::ExplainScoreRequest& request, v1::ExplainScoreResponse& response) {
    INVIGIL_RETURN_IF_ERROR(CheckSession(request.session_id()));
    const auto explained = scorer_.ExplainScore(request.session_id(), request.score_version());
    if (!explained.ok()) return explained.status();
    FillExplanation(explained->conversion, explained->explanation, &response);
    return FillScore(explained->score, response.mutable_score());
  }

  const rpc::Guard& guard_;
  Scorer& scorer_;
  rpc::Executor& executor_;
  const rpc::Method& score_session_;
  const rpc::Method& get_score_;
  const rpc::Method& explain_score_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeScoringService(const rpc::Guard& guard, Scorer& scorer,
                                                  rpc::Executor& executor) {
  return std::make_shared<ScoringService>(guard, scorer, executor);
}

}  // namespace invigil::scoring
