// One simulated candidate's whole sitting, through the gateway like anybody's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "services/cli/api/api.h"
#include "services/cli/api/retry.h"
#include "services/cli/simulate/item_book.h"
#include "services/cli/simulate/meter.h"

namespace invigil::cli {

struct SittingOutcome {
  std::string subject, session_id;
  double theta = 0;
  absl::Status status;            // why it did not finish; OK when it did
  std::vector<std::string> lost;  // acknowledged responses that were not kept
  int items_right = 0, items_unknown = 0;
  std::optional<session::v1::GetScoreReportResponse> report;
};

struct Sitter {
  std::string subject;
  std::string token;        // role candidate
  std::string staff_token;  // role operator: checks the candidate in where the exam asks for it
  std::string exam_id;
  double theta = 0;
  uint64_t seed = 0;
};

// Starts (checked in, if need be), walks through the parts (accepts the agreement, ends breaks and
// texts at once, saves in each section as PlanSitting says), submits, and waits for the report.
// What fails for the moment is retried for up to a minute per call. Uses the session's own token
// once it has one. Blocks.
SittingOutcome Sit(Api& api, const Sitter& sitter, const ItemBook& book, Meter& meter,
                   const Clock& clock, const Retrier::Sleep& sleep);

}  // namespace invigil::cli
