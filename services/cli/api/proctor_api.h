// Watching over sessions as a command sees it: the part of the suite's interface (api.h) that only
// `invigil proctor` uses.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "invigil/session/v1/proctor.pb.h"
#include "services/cli/api/stopper.h"

namespace invigil::cli {

// As Api. A suite that has no staff, such as the one in memory, answers UNIMPLEMENTED.
class ProctorApi {
 public:
  virtual ~ProctorApi() = default;

  virtual absl::StatusOr<session::v1::PauseSessionResponse> PauseSession(
      const session::v1::PauseSessionRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::ResumeSessionResponse> ResumeSession(
      const session::v1::ResumeSessionRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::GrantTimeResponse> GrantTime(
      const session::v1::GrantTimeRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::GrantTimeToManyResponse> GrantTimeToMany(
      const session::v1::GrantTimeToManyRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::TerminateSessionResponse> TerminateSession(
      const session::v1::TerminateSessionRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::ReopenSessionResponse> ReopenSession(
      const session::v1::ReopenSessionRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::ProctorServiceSendMessageResponse> SendProctorMessage(
      const session::v1::ProctorServiceSendMessageRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::ProctorServiceConfirmMessageResponse> ConfirmCandidateMessage(
      const session::v1::ProctorServiceConfirmMessageRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::ReportIrregularityResponse> ReportIrregularity(
      const session::v1::ReportIrregularityRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::VoidSessionResponse> VoidSession(
      const session::v1::VoidSessionRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::HoldScoreResponse> HoldScore(
      const session::v1::HoldScoreRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::ReleaseScoreResponse> ReleaseScore(
      const session::v1::ReleaseScoreRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::SendMessageToManyResponse> SendMessageToMany(
      const session::v1::SendMessageToManyRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::ListUnscoredResponse> ListUnscored(
      const session::v1::ListUnscoredRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::RetryScoringResponse> RetryScoring(
      const session::v1::RetryScoringRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::GetRosterEntryResponse> GetRosterEntry(
      const session::v1::GetRosterEntryRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::IncidentReportResponse> IncidentReport(
      const session::v1::IncidentReportRequest&, const std::string&) {
    return NoStaff();
  }
  virtual absl::StatusOr<session::v1::CompensateIncidentResponse> CompensateIncident(
      const session::v1::CompensateIncidentRequest&, const std::string&) {
    return NoStaff();
  }
  // Calls `on_update` for every message until the stream ends or the stopper stops.
  virtual absl::Status WatchRoster(
      const session::v1::WatchRosterRequest&, const std::string&, Stopper&,
      const std::function<void(const session::v1::WatchRosterResponse&)>&) {
    return NoStaff();
  }

 private:
  static absl::Status NoStaff() { return absl::UnimplementedError("this suite has no staff"); }
};

}  // namespace invigil::cli
