// ReportService without its wire: reads scores with their keys and conversions, and fills the
// reports.
#pragma once

#include "absl/status/statusor.h"
#include "invigil/scoring/v1/report.pb.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/store/rescoring_store.h"
#include "services/scoring/store/score_store.h"

namespace invigil::scoring::reports {

// Thread-safe; what it is given outlives it. Every method reads the store: call them on an
// executor. Errors besides those of the store: those that ReportService names.
class ReportDesk {
 public:
  // A report takes at most `most_sessions`; the others are counted.
  ReportDesk(ScoreStore& scores, RescoringStore& rescorings, KeyRing& ring,
             size_t most_sessions = 20'000)
      : scores_(scores), rescorings_(rescorings), ring_(ring), most_sessions_(most_sessions) {}

  absl::StatusOr<v1::RenderScoreReportResponse> RenderScoreReport(
      const v1::RenderScoreReportRequest& request);
  absl::StatusOr<v1::GetCohortReportResponse> GetCohortReport(
      const v1::GetCohortReportRequest& request);

 private:
  ScoreStore& scores_;
  RescoringStore& rescorings_;
  KeyRing& ring_;
  const size_t most_sessions_;
};

}  // namespace invigil::scoring::reports
