// Signals for learners and reports for staff as a command sees them: the part of the suite's
// interface (api.h) that only they use.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "invigil/scoring/v1/learner.pb.h"
#include "invigil/scoring/v1/report.pb.h"

namespace invigil::cli {

// As Api. A suite that estimates nothing, such as the one in memory, answers UNIMPLEMENTED.
class LearnerApi {
 public:
  virtual ~LearnerApi() = default;

  virtual absl::StatusOr<scoring::v1::GetReadinessResponse> GetReadiness(
      const scoring::v1::GetReadinessRequest&, const std::string&) {
    return NoSignals();
  }
  virtual absl::StatusOr<scoring::v1::GetStudyPlanResponse> GetStudyPlan(
      const scoring::v1::GetStudyPlanRequest&, const std::string&) {
    return NoSignals();
  }
  virtual absl::StatusOr<scoring::v1::RefitPriorResponse> RefitPrior(
      const scoring::v1::RefitPriorRequest&, const std::string&) {
    return NoSignals();
  }
  virtual absl::StatusOr<scoring::v1::RenderScoreReportResponse> RenderScoreReport(
      const scoring::v1::RenderScoreReportRequest&, const std::string&) {
    return NoSignals();
  }
  virtual absl::StatusOr<scoring::v1::GetCohortReportResponse> GetCohortReport(
      const scoring::v1::GetCohortReportRequest&, const std::string&) {
    return NoSignals();
  }

 private:
  static absl::Status NoSignals() {
    return absl::UnimplementedError("this suite estimates nothing");
  }
};

}  // namespace invigil::cli
