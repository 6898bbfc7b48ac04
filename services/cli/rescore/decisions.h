// What the words typed say about items and time.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "invigil/scoring/v1/rescoring.pb.h"

namespace invigil::cli {

// "ITEM", or "ITEM@VERSION" for one version of it; for REKEY and MULTIPLE followed by "=" and the
// right answers: options of one answer joined by "+", answers by "/". `reason` is put into the
// decision. Errors: USAGE.
absl::StatusOr<scoring::v1::KeyDecision> ParseDecision(scoring::v1::KeyDecisionKind kind,
                                                       const std::string& words,
                                                       const std::string& reason);

// "never-fail", "never-lower" or "exact". Errors: USAGE.
absl::StatusOr<scoring::v1::RescoringPolicy> ParsePolicy(const std::string& word);

// As 2026-11-24 or 2026-11-24T10:30:00Z; UTC unless it says otherwise. Errors: USAGE naming `flag`.
absl::StatusOr<google::protobuf::Timestamp> ParseInstant(const std::string& text,
                                                         const std::string& flag);

}  // namespace invigil::cli
