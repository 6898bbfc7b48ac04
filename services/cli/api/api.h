// The suite as a command sees it: every public method the commands use, behind the gateway.
// No gRPC here; api/grpc_api.cc is the only file that knows it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "invigil/itembank/v1/exam.pb.h"
#include "invigil/itembank/v1/item.pb.h"
#include "invigil/scoring/v1/scoring.pb.h"
#include "invigil/session/v1/audit.pb.h"
#include "invigil/session/v1/delivery.pb.h"
#include "invigil/session/v1/privacy.pb.h"
#include "invigil/session/v1/proctor.pb.h"
#include "services/cli/api/event_api.h"
#include "services/cli/api/learner_api.h"
#include "services/cli/api/proctor_api.h"
#include "services/cli/api/rescoring_api.h"
#include "services/cli/api/stopper.h"

namespace invigil::cli {

// Blocking calls, thread-safe. `token` is sent as bearer. Errors are those of the proto, with their
// details; a gateway that can't be reached is UNAVAILABLE (GATEWAY_UNREACHABLE). No call is
// retried here: see api/retry.h.
class Api : public RescoringApi, public ProctorApi, public EventApi, public LearnerApi {
 public:
  virtual absl::StatusOr<itembank::v1::ListExamsResponse> ListExams(
      const itembank::v1::ListExamsRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<itembank::v1::GetExamResponse> GetExam(
      const itembank::v1::GetExamRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<itembank::v1::PublishExamResponse> PublishExam(
      const itembank::v1::PublishExamRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<itembank::v1::ImportBankResponse> ImportBank(
      const itembank::v1::ImportBankRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<itembank::v1::ExportBankResponse> ExportBank(
      const itembank::v1::ExportBankRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<itembank::v1::ListItemsResponse> ListItems(
      const itembank::v1::ListItemsRequest& request, const std::string& token) = 0;

  virtual absl::StatusOr<session::v1::StartSessionResponse> StartSession(
      const session::v1::StartSessionRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::GetSessionResponse> GetSession(
      const session::v1::GetSessionRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::SaveResponsesResponse> SaveResponses(
      const session::v1::SaveResponsesRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::SubmitSessionResponse> SubmitSession(
      const session::v1::SubmitSessionRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::LeavePartResponse> LeavePart(
      const session::v1::LeavePartRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::TakeBreakResponse> TakeBreak(
      const session::v1::TakeBreakRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::EndBreakResponse> EndBreak(
      const session::v1::EndBreakRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::SaveProgressResponse> SaveProgress(
      const session::v1::SaveProgressRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::ConfirmMessageResponse> ConfirmMessage(
      const session::v1::ConfirmMessageRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::GetResponseVectorResponse> GetResponseVector(
      const session::v1::GetResponseVectorRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::ListRosterResponse> ListRoster(
      const session::v1::ListRosterRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::CheckInResponse> CheckIn(
      const session::v1::CheckInRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::GetScoreReportResponse> GetScoreReport(
      const session::v1::GetScoreReportRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::VerifyJournalResponse> VerifyJournal(
      const session::v1::VerifyJournalRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::GetTimelineResponse> GetTimeline(
      const session::v1::GetTimelineRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::ExportCandidateResponse> ExportCandidate(
      const session::v1::ExportCandidateRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::EraseCandidateResponse> EraseCandidate(
      const session::v1::EraseCandidateRequest& request, const std::string& token) = 0;
  virtual absl::StatusOr<session::v1::ApplyRetentionResponse> ApplyRetention(
      const session::v1::ApplyRetentionRequest& request, const std::string& token) = 0;
  // Calls `on_update` for every message until the stream ends or `stopper` stops.
  virtual absl::Status WatchSession(
      const session::v1::WatchSessionRequest& request, const std::string& token, Stopper& stopper,
      const std::function<void(const session::v1::WatchSessionResponse&)>& on_update) = 0;

  virtual absl::StatusOr<scoring::v1::ExplainScoreResponse> ExplainScore(
      const scoring::v1::ExplainScoreRequest& request, const std::string& token) = 0;
};

// `gateway` is HOST:PORT. Does not wait for a connection. Errors: INVALID_ARGUMENT
// (ADDRESS_INVALID).
absl::StatusOr<std::unique_ptr<Api>> ConnectApi(const std::string& gateway);

}  // namespace invigil::cli
