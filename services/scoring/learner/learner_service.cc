#include "services/scoring/learner/learner_service.h"

#include <string>
#include <utility>

#include "common/error/error.h"
#include "common/rpc/unary.h"
#include "invigil/scoring/v1/learner.grpc.pb.h"

namespace invigil::scoring {
namespace {

using rpc::UnaryCall;

constexpr char kService[] = "/invigil.scoring.v1.LearnerService/";

class LearnerService final : public v1::LearnerService::CallbackService {
 public:
  LearnerService(const rpc::Guard& guard, LearnerDesk& desk, rpc::Executor& executor)
      : guard_(guard),
        desk_(desk),
        executor_(executor),
        readiness_(Find("GetReadiness")),
        plan_(Find("GetStudyPlan")),
        what_if_(Find("GetWhatIf")),
        misses_(Find("GetMisses")),
        diagnostic_(Find("GetDiagnostic")),
        refit_(Find("RefitPrior")),
        assign_(Find("AssignSessions")) {}

  grpc::ServerUnaryReactor* GetReadiness(grpc::CallbackServerContext* context,
                                         const v1::GetReadinessRequest* request,
                                         v1::GetReadinessResponse* response) override {
    return Ask(*context, readiness_, &LearnerDesk::GetReadiness, *request, *response);
  }
  grpc::ServerUnaryReactor* GetStudyPlan(grpc::CallbackServerContext* context,
                                         const v1::GetStudyPlanRequest* request,
                                         v1::GetStudyPlanResponse* response) override {
    return Ask(*context, plan_, &LearnerDesk::GetStudyPlan, *request, *response);
  }
  grpc::ServerUnaryReactor* GetWhatIf(grpc::CallbackServerContext* context,
                                      const v1::GetWhatIfRequest* request,
                                      v1::GetWhatIfResponse* response) override {
    return Ask(*context, what_if_, &LearnerDesk::GetWhatIf, *request, *response);
  }
  grpc::ServerUnaryReactor* GetMisses(grpc::CallbackServerContext* context,
                                      const v1::GetMissesRequest* request,
                                      v1::GetMissesResponse* response) override {
    return Ask(*context, misses_, &LearnerDesk::GetMisses, *request, *response);
  }
  grpc::ServerUnaryReactor* GetDiagnostic(grpc::CallbackServerContext* context,
                                          const v1::GetDiagnosticRequest* request,
                                          v1::GetDiagnosticResponse* response) override {
    return Ask(*context, diagnostic_, &LearnerDesk::GetDiagnostic, *request, *response);
  }
  grpc::ServerUnaryReactor* RefitPrior(grpc::CallbackServerContext* context,
                                       const v1::RefitPriorRequest* request,
                                       v1::RefitPriorResponse* response) override {
    return Run(*context, refit_, [this, request, response](const UnaryCall&) {
      return Take(desk_.RefitPrior(*request), *response);
    });
  }
  grpc::ServerUnaryReactor* AssignSessions(grpc::CallbackServerContext* context,
                                           const v1::AssignSessionsRequest* request,
                                           v1::AssignSessionsResponse* response) override {
    return Run(*context, assign_, [this, request, response](const UnaryCall&) {
      return Take(desk_.AssignSessions(*request), *response);
    });
  }

 private:
  const rpc::Method& Find(const std::string& name) { return guard_.Find(kService + name); }

  template <typename Response>
  static absl::Status Take(absl::StatusOr<Response> answer, Response& response) {
    if (!answer.ok()) return answer.status();
    response = *std::move(answer);
    return absl::OkStatus();
  }

  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext& context, const rpc::Method& method,
                                absl::StatusOr<Response> (LearnerDesk::*ask)(const Asker&,
                                                                             const Request&),
                                const Request& request, Response& response) {
    return Run(context, method, [this, ask, &request, &response](const UnaryCall& call) {
      const Asker asker{.subject = call.principal().subject,
                        .session_id = call.principal().session_id,
                        .staff = call.principal().Has("operator")};
      return Take((desk_.*ask)(asker, request), response);
    });
  }

  template <typename Work>
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext& context, const rpc::Method& method,
                                Work work) {
    UnaryCall* call = UnaryCall::Begin(context, guard_, method);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(executor_, call, [call, work] { call->Finish(work(*call)); });
    return call;
  }

  const rpc::Guard& guard_;
  LearnerDesk& desk_;
  rpc::Executor& executor_;
  const rpc::Method& readiness_;
  const rpc::Method& plan_;
  const rpc::Method& what_if_;
  const rpc::Method& misses_;
  const rpc::Method& diagnostic_;
  const rpc::Method& refit_;
  const rpc::Method& assign_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeLearnerService(const rpc::Guard& guard, LearnerDesk& desk,
                                                  rpc::Executor& executor) {
  return std::make_shared<LearnerService>(guard, desk, executor);
}

}  // namespace invigil::scoring
