#include "services/scoring/reports/report_service.h"

#include <utility>

#include "common/error/error.h"
#include "common/rpc/unary.h"
#include "invigil/scoring/v1/report.grpc.pb.h"

namespace invigil::scoring::reports {
namespace {

using rpc::UnaryCall;

class ReportService final : public v1::ReportService::CallbackService {
 public:
  ReportService(const rpc::Guard& guard, ReportDesk& desk, rpc::Executor& executor)
      : guard_(guard),
        desk_(desk),
        executor_(executor),
        render_(guard.Find("/invigil.scoring.v1.ReportService/RenderScoreReport")),
        cohort_(guard.Find("/invigil.scoring.v1.ReportService/GetCohortReport")) {}

  grpc::ServerUnaryReactor* RenderScoreReport(grpc::CallbackServerContext* context,
                                              const v1::RenderScoreReportRequest* request,
                                              v1::RenderScoreReportResponse* response) override {
    return Run(*context, render_, &ReportDesk::RenderScoreReport, *request, *response);
  }
  grpc::ServerUnaryReactor* GetCohortReport(grpc::CallbackServerContext* context,
                                            const v1::GetCohortReportRequest* request,
                                            v1::GetCohortReportResponse* response) override {
    return Run(*context, cohort_, &ReportDesk::GetCohortReport, *request, *response);
  }

 private:
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext& context, const rpc::Method& method,
                                absl::StatusOr<Response> (ReportDesk::*make)(const Request&),
                                const Request& request, Response& response) {
    UnaryCall* call = UnaryCall::Begin(context, guard_, method);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(executor_, call, [this, call, make, &request, &response] {
      auto made = (desk_.*make)(request);
      if (made.ok()) response = *std::move(made);
      call->Finish(made.status());
    });
    return call;
  }

  const rpc::Guard& guard_;
  ReportDesk& desk_;
  rpc::Executor& executor_;
  const rpc::Method& render_;
  const rpc::Method& cohort_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeReportService(const rpc::Guard& guard, ReportDesk& desk,
                                                 rpc::Executor& executor) {
  return std::make_shared<ReportService>(guard, desk, executor);
}

}  // namespace invigil::scoring::reports
