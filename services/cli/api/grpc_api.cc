// The one file of this room that includes gRPC headers.
#include <grpcpp/grpcpp.h>

#include <optional>
#include <utility>

#include "common/base/deadline.h"
#include "common/client/channel.h"
#include "common/error/error.h"
#include "common/rpc/status.h"
#include "invigil/itembank/v1/exam.grpc.pb.h"
#include "invigil/itembank/v1/item.grpc.pb.h"
#include "invigil/scoring/v1/learner.grpc.pb.h"
#include "invigil/scoring/v1/report.grpc.pb.h"
#include "invigil/scoring/v1/rescoring.grpc.pb.h"
#include "invigil/scoring/v1/scoring.grpc.pb.h"
#include "invigil/session/v1/audit.grpc.pb.h"
#include "invigil/session/v1/delivery.grpc.pb.h"
#include "invigil/session/v1/events.grpc.pb.h"
#include "invigil/session/v1/privacy.grpc.pb.h"
#include "invigil/session/v1/proctor.grpc.pb.h"
#include "services/cli/api/api.h"

namespace invigil::cli {
namespace {

namespace bank = itembank::v1;
namespace ses = session::v1;
namespace sco = scoring::v1;

constexpr Duration kCallTime = Seconds(10);
constexpr Duration kReconnectTime = Seconds(1);
constexpr Duration kBulkTime = Seconds(60);  // imports and exports
// A watch is opened anew before any token or proxy could end it.
constexpr Duration kWatchTime = Minutes(30);

class GrpcApi final : public Api {
 public:
  GrpcApi(std::string gateway, const std::shared_ptr<grpc::Channel>& channel)
      : gateway_(std::move(gateway)),
        channel_(channel),
        exams_(bank::ExamService::NewStub(channel)),
        items_(bank::ItemService::NewStub(channel)),
        delivery_(ses::DeliveryService::NewStub(channel)),
        proctor_(ses::ProctorService::NewStub(channel)),
        audit_(ses::AuditService::NewStub(channel)),
        events_(ses::EventService::NewStub(channel)),
        privacy_(ses::PrivacyService::NewStub(channel)),
        scoring_(sco::ScoringService::NewStub(channel)),
        rescoring_(sco::RescoringService::NewStub(channel)),
        learner_(sco::LearnerService::NewStub(channel)),
        report_(sco::ReportService::NewStub(channel)) {}

  absl::StatusOr<bank::ListExamsResponse> ListExams(const bank::ListExamsRequest& request,
                                                    const std::string& token) override {
    return Call(*exams_, &bank::ExamService::Stub::ListExams, request, token);
  }
  absl::StatusOr<bank::GetExamResponse> GetExam(const bank::GetExamRequest& request,
                                                const std::string& token) override {
    return Call(*exams_, &bank::ExamService::Stub::GetExam, request, token);
  }
  absl::StatusOr<bank::PublishExamResponse> PublishExam(const bank::PublishExamRequest& request,
                                                        const std::string& token) override {
    return Call(*exams_, &bank::ExamService::Stub::PublishExam, request, token, kBulkTime);
  }
  absl::StatusOr<bank::ImportBankResponse> ImportBank(const bank::ImportBankRequest& request,
                                                      const std::string& token) override {
    return Call(*items_, &bank::ItemService::Stub::ImportBank, request, token, kBulkTime);
  }
  absl::StatusOr<bank::ExportBankResponse> ExportBank(const bank::ExportBankRequest& request,
                                                      const std::string& token) override {
    return Call(*items_, &bank::ItemService::Stub::ExportBank, request, token, kBulkTime);
  }
  absl::StatusOr<bank::ListItemsResponse> ListItems(const bank::ListItemsRequest& request,
                                                    const std::string& token) override {
    return Call(*items_, &bank::ItemService::Stub::ListItems, request, token);
  }
  absl::StatusOr<ses::StartSessionResponse> StartSession(const ses::StartSessionRequest& request,
                                                         const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::StartSession, request, token);
  }
  absl::StatusOr<ses::GetSessionResponse> GetSession(const ses::GetSessionRequest& request,
                                                     const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::GetSession, request, token);
  }
  absl::StatusOr<ses::SaveResponsesResponse> SaveResponses(const ses::SaveResponsesRequest& request,
                                                           const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::SaveResponses, request, token);
  }
  absl::StatusOr<ses::SubmitSessionResponse> SubmitSession(const ses::SubmitSessionRequest& request,
                                                           const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::SubmitSession, request, token);
  }
  absl::StatusOr<ses::LeavePartResponse> LeavePart(const ses::LeavePartRequest& request,
                                                   const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::LeavePart, request, token);
  }
  absl::StatusOr<ses::TakeBreakResponse> TakeBreak(const ses::TakeBreakRequest& request,
                                                   const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::TakeBreak, request, token);
  }
  absl::StatusOr<ses::EndBreakResponse> EndBreak(const ses::EndBreakRequest& request,
                                                 const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::EndBreak, request, token);
  }
  absl::StatusOr<ses::SaveProgressResponse> SaveProgress(const ses::SaveProgressRequest& request,
                                                         const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::SaveProgress, request, token);
  }
  absl::StatusOr<ses::ConfirmMessageResponse> ConfirmMessage(
      const ses::ConfirmMessageRequest& request, const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::ConfirmMessage, request, token);
  }
  absl::StatusOr<ses::GetResponseVectorResponse> GetResponseVector(
      const ses::GetResponseVectorRequest& request, const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::GetResponseVector, request, token);
  }
  absl::StatusOr<ses::ListRosterResponse> ListRoster(const ses::ListRosterRequest& request,
                                                     const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::ListRoster, request, token);
  }
  absl::StatusOr<ses::CheckInResponse> CheckIn(const ses::CheckInRequest& request,
                                               const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::CheckIn, request, token);
  }
  absl::StatusOr<ses::GetScoreReportResponse> GetScoreReport(
      const ses::GetScoreReportRequest& request, const std::string& token) override {
    return Call(*delivery_, &ses::DeliveryService::Stub::GetScoreReport, request, token);
  }
  absl::StatusOr<ses::VerifyJournalResponse> VerifyJournal(const ses::VerifyJournalRequest& request,
                                                           const std::string& token) override {
    return Call(*audit_, &ses::AuditService::Stub::VerifyJournal, request, token);
  }
  absl::StatusOr<ses::GetTimelineResponse> GetTimeline(const ses::GetTimelineRequest& request,
                                                       const std::string& token) override {
    return Call(*audit_, &ses::AuditService::Stub::GetTimeline, request, token);
  }
  absl::StatusOr<ses::ExportCandidateResponse> ExportCandidate(
      const ses::ExportCandidateRequest& request, const std::string& token) override {
    return Call(*privacy_, &ses::PrivacyService::Stub::ExportCandidate, request, token, kBulkTime);
  }
  absl::StatusOr<ses::EraseCandidateResponse> EraseCandidate(
      const ses::EraseCandidateRequest& request, const std::string& token) override {
    return Call(*privacy_, &ses::PrivacyService::Stub::EraseCandidate, request, token, kBulkTime);
  }
  absl::StatusOr<ses::ApplyRetentionResponse> ApplyRetention(
      const ses::ApplyRetentionRequest& request, const std::string& token) override {
    return Call(*privacy_, &ses::PrivacyService::Stub::ApplyRetention, request, token, kBulkTime);
  }
  absl::StatusOr<sco::ExplainScoreResponse> ExplainScore(const sco::ExplainScoreRequest& request,
                                                         const std::string& token) override {
    return Call(*scoring_, &sco::ScoringService::Stub::ExplainScore, request, token);
  }

  absl::StatusOr<sco::GetReadinessResponse> GetReadiness(const sco::GetReadinessRequest& request,
                                                         const std::string& token) override {
    return Call(*learner_, &sco::LearnerService::Stub::GetReadiness, request, token);
  }
  absl::StatusOr<sco::GetStudyPlanResponse> GetStudyPlan(const sco::GetStudyPlanRequest& request,
                                                         const std::string& token) override {
    return Call(*learner_, &sco::LearnerService::Stub::GetStudyPlan, request, token);
  }
  absl::StatusOr<sco::RefitPriorResponse> RefitPrior(const sco::RefitPriorRequest& request,
                                                     const std::string& token) override {
    return Call(*learner_, &sco::LearnerService::Stub::RefitPrior, request, token, kBulkTime);
  }
  absl::StatusOr<sco::RenderScoreReportResponse> RenderScoreReport(
      const sco::RenderScoreReportRequest& request, const std::string& token) override {
    return Call(*report_, &sco::ReportService::Stub::RenderScoreReport, request, token);
  }
  absl::StatusOr<sco::GetCohortReportResponse> GetCohortReport(
      const sco::GetCohortReportRequest& request, const std::string& token) override {
    return Call(*report_, &sco::ReportService::Stub::GetCohortReport, request, token, kBulkTime);
  }
  absl::StatusOr<sco::CreateRescoringResponse> CreateRescoring(
      const sco::CreateRescoringRequest& request, const std::string& token) override {
    return Call(*rescoring_, &sco::RescoringService::Stub::CreateRescoring, request, token);
  }
  absl::StatusOr<sco::GetRescoringResponse> GetRescoring(const sco::GetRescoringRequest& request,
                                                         const std::string& token) override {
    return Call(*rescoring_, &sco::RescoringService::Stub::GetRescoring, request, token);
  }
  absl::StatusOr<sco::ListRescoringsResponse> ListRescorings(
      const sco::ListRescoringsRequest& request, const std::string& token) override {
    return Call(*rescoring_, &sco::RescoringService::Stub::ListRescorings, request, token);
  }
  absl::StatusOr<sco::ListRescoringChangesResponse> ListRescoringChanges(
      const sco::ListRescoringChangesRequest& request, const std::string& token) override {
    return Call(*rescoring_, &sco::RescoringService::Stub::ListRescoringChanges, request, token,
                kBulkTime);
  }
  absl::StatusOr<sco::ApproveRescoringResponse> ApproveRescoring(
      const sco::ApproveRescoringRequest& request, const std::string& token) override {
    return Call(*rescoring_, &sco::RescoringService::Stub::ApproveRescoring, request, token);
  }
  absl::StatusOr<sco::CancelRescoringResponse> CancelRescoring(
      const sco::CancelRescoringRequest& request, const std::string& token) override {
    return Call(*rescoring_, &sco::RescoringService::Stub::CancelRescoring, request, token);
  }
  absl::StatusOr<sco::ReplayScoreResponse> ReplayScore(const sco::ReplayScoreRequest& request,
                                                       const std::string& token) override {
    return Call(*rescoring_, &sco::RescoringService::Stub::ReplayScore, request, token);
  }
  absl::StatusOr<ses::PauseSessionResponse> PauseSession(const ses::PauseSessionRequest& request,
                                                         const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::PauseSession, request, token);
  }
  absl::StatusOr<ses::ResumeSessionResponse> ResumeSession(const ses::ResumeSessionRequest& request,
                                                           const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::ResumeSession, request, token);
  }
  absl::StatusOr<ses::GrantTimeResponse> GrantTime(const ses::GrantTimeRequest& request,
                                                   const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::GrantTime, request, token);
  }
  absl::StatusOr<ses::GrantTimeToManyResponse> GrantTimeToMany(
      const ses::GrantTimeToManyRequest& request, const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::GrantTimeToMany, request, token, kBulkTime);
  }
  absl::StatusOr<ses::TerminateSessionResponse> TerminateSession(
      const ses::TerminateSessionRequest& request, const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::TerminateSession, request, token);
  }
  absl::StatusOr<ses::ReopenSessionResponse> ReopenSession(const ses::ReopenSessionRequest& request,
                                                           const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::ReopenSession, request, token);
  }
  absl::StatusOr<ses::ProctorServiceSendMessageResponse> SendProctorMessage(
      const ses::ProctorServiceSendMessageRequest& request, const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::SendMessage, request, token);
  }
  absl::StatusOr<ses::ProctorServiceConfirmMessageResponse> ConfirmCandidateMessage(
      const ses::ProctorServiceConfirmMessageRequest& request, const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::ConfirmMessage, request, token);
  }
  absl::StatusOr<ses::ReportIrregularityResponse> ReportIrregularity(
      const ses::ReportIrregularityRequest& request, const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::ReportIrregularity, request, token);
  }
  absl::StatusOr<ses::VoidSessionResponse> VoidSession(const ses::VoidSessionRequest& request,
                                                       const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::VoidSession, request, token);
  }
  absl::StatusOr<ses::HoldScoreResponse> HoldScore(const ses::HoldScoreRequest& request,
                                                   const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::HoldScore, request, token);
  }
  absl::StatusOr<ses::ReleaseScoreResponse> ReleaseScore(const ses::ReleaseScoreRequest& request,
                                                         const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::ReleaseScore, request, token);
  }
  absl::StatusOr<ses::SendMessageToManyResponse> SendMessageToMany(
      const ses::SendMessageToManyRequest& request, const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::SendMessageToMany, request, token,
                kBulkTime);
  }
  absl::StatusOr<ses::ListUnscoredResponse> ListUnscored(const ses::ListUnscoredRequest& request,
                                                         const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::ListUnscored, request, token);
  }
  absl::StatusOr<ses::RetryScoringResponse> RetryScoring(const ses::RetryScoringRequest& request,
                                                         const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::RetryScoring, request, token);
  }
  absl::StatusOr<ses::GetRosterEntryResponse> GetRosterEntry(
      const ses::GetRosterEntryRequest& request, const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::GetRosterEntry, request, token);
  }
  absl::StatusOr<ses::IncidentReportResponse> IncidentReport(
      const ses::IncidentReportRequest& request, const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::IncidentReport, request, token, kBulkTime);
  }
  absl::StatusOr<ses::CompensateIncidentResponse> CompensateIncident(
      const ses::CompensateIncidentRequest& request, const std::string& token) override {
    return Call(*proctor_, &ses::ProctorService::Stub::CompensateIncident, request, token,
                kBulkTime);
  }
  absl::StatusOr<ses::ListEventsResponse> ListEvents(const ses::ListEventsRequest& request,
                                                     const std::string& token) override {
    return Call(*events_, &ses::EventService::Stub::ListEvents, request, token);
  }
  absl::StatusOr<ses::CreateWebhookResponse> CreateWebhook(const ses::CreateWebhookRequest& request,
                                                           const std::string& token) override {
    return Call(*events_, &ses::EventService::Stub::CreateWebhook, request, token);
  }
  absl::StatusOr<ses::GetWebhookResponse> GetWebhook(const ses::GetWebhookRequest& request,
                                                     const std::string& token) override {
    return Call(*events_, &ses::EventService::Stub::GetWebhook, request, token);
  }
  absl::StatusOr<ses::ListWebhooksResponse> ListWebhooks(const ses::ListWebhooksRequest& request,
                                                         const std::string& token) override {
    return Call(*events_, &ses::EventService::Stub::ListWebhooks, request, token);
  }
  absl::StatusOr<ses::DeleteWebhookResponse> DeleteWebhook(const ses::DeleteWebhookRequest& request,
                                                           const std::string& token) override {
    return Call(*events_, &ses::EventService::Stub::DeleteWebhook, request, token);
  }
  absl::StatusOr<ses::RotateWebhookSecretResponse> RotateWebhookSecret(
      const ses::RotateWebhookSecretRequest& request, const std::string& token) override {
    return Call(*events_, &ses::EventService::Stub::RotateWebhookSecret, request, token);
  }
  absl::StatusOr<ses::ListDeadLettersResponse> ListDeadLetters(
      const ses::ListDeadLettersRequest& request, const std::string& token) override {
    return Call(*events_, &ses::EventService::Stub::ListDeadLetters, request, token);
  }
  absl::StatusOr<ses::ReplayWebhookResponse> ReplayWebhook(const ses::ReplayWebhookRequest& request,
                                                           const std::string& token) override {
    return Call(*events_, &ses::EventService::Stub::ReplayWebhook, request, token);
  }

  absl::Status WatchRescoring(
      const sco::WatchRescoringRequest& request, const std::string& token,
      const std::function<void(const sco::WatchRescoringResponse&)>& on_update) override {
    return Watch<sco::WatchRescoringResponse>(token, on_update, [&](auto* context) {
      return rescoring_->WatchRescoring(context, request);
    });
  }
  absl::Status WatchRoster(
      const ses::WatchRosterRequest& request, const std::string& token, Stopper& stopper,
      const std::function<void(const ses::WatchRosterResponse&)>& on_update) override {
    return Watch<ses::WatchRosterResponse>(
        token, on_update, [&](auto* context) { return proctor_->WatchRoster(context, request); },
        &stopper);
  }
  absl::Status StreamEvents(
      const ses::StreamEventsRequest& request, const std::string& token, Stopper& stopper,
      const std::function<void(const ses::StreamEventsResponse&)>& on_message) override {
    return Watch<ses::StreamEventsResponse>(
        token, on_message, [&](auto* context) { return events_->StreamEvents(context, request); },
        &stopper);
  }
  absl::Status WatchSession(
      const ses::WatchSessionRequest& request, const std::string& token, Stopper& stopper,
      const std::function<void(const ses::WatchSessionResponse&)>& on_update) override {
    return Watch<ses::WatchSessionResponse>(
        token, on_update, [&](auto* context) { return delivery_->WatchSession(context, request); },
        &stopper);
  }

 private:
  template <typename Response, typename OnMessage, typename Open>
  absl::Status Watch(const std::string& token, const OnMessage& on_message, Open open,
                     Stopper* stopper = nullptr) {
    Reconnect();
    grpc::ClientContext context;
    client::Prepare(context, kWatchTime, token, telemetry::TraceContext::New());
    std::optional<StopScope> scope;
    if (stopper != nullptr) scope.emplace(*stopper, [&context] { context.TryCancel(); });
    const auto stream = open(&context);
    Response message;
    while (stream->Read(&message)) on_message(message);
    return Explain(stream->Finish());
  }

  template <typename Service, typename Base, typename Request, typename Response>
  absl::StatusOr<Response> Call(Service& service,
                                grpc::Status (Base::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, const std::string& token,
                                Duration time = kCallTime) {
    Reconnect();
    grpc::ClientContext context;
    client::Prepare(context, time, token, telemetry::TraceContext::New());
    Response response;
    const grpc::Status status = (service.*method)(&context, request, &response);
    if (!status.ok()) return Explain(status);
    return response;
  }

  // What the transport says by itself is no sentence for people.
  absl::Status Explain(const grpc::Status& status) const {
    absl::Status result = rpc::FromGrpc(status);
    if (result.ok() || !ReasonOf(result).empty()) return result;
    if (absl::IsUnavailable(result)) {
      return Error(absl::StatusCode::kUnavailable, "GATEWAY_UNREACHABLE",
                   "can't reach the gateway at " + gateway_ +
                       "; start the suite with deploy/up or check --gateway");
    }
    if (absl::IsDeadlineExceeded(result)) {
      return Error(absl::StatusCode::kDeadlineExceeded, "NO_REPLY_IN_TIME",
                   "the suite at " + gateway_ + " did not reply in time; try again");
    }
    return result;
  }

  // Blocking calls move the channel's sockets only while one of them waits, and on a channel that
  // is down they fail at once: so nobody would ever connect it again. This does.
  void Reconnect() {
    if (channel_->GetState(true) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      channel_->WaitForConnected(DeadlineAfter(kReconnectTime));
    }
  }

  const std::string gateway_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<bank::ExamService::Stub> exams_;
  const std::unique_ptr<bank::ItemService::Stub> items_;
  const std::unique_ptr<ses::DeliveryService::Stub> delivery_;
  const std::unique_ptr<ses::ProctorService::Stub> proctor_;
  const std::unique_ptr<ses::AuditService::Stub> audit_;
  const std::unique_ptr<ses::EventService::Stub> events_;
  const std::unique_ptr<ses::PrivacyService::Stub> privacy_;
  const std::unique_ptr<sco::ScoringService::Stub> scoring_;
  const std::unique_ptr<sco::RescoringService::Stub> rescoring_;
  const std::unique_ptr<sco::LearnerService::Stub> learner_;
  const std::unique_ptr<sco::ReportService::Stub> report_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Api>> ConnectApi(const std::string& gateway) {
  auto channel = client::Connect({gateway});
  if (!channel.ok()) return channel.status();
  return std::make_unique<GrpcApi>(gateway, *channel);
}

}  // namespace invigil::cli
