// Between messages and domain types. No gRPC, no judgement: domain code decides what is valid.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "invigil/itembank/v1/key.pb.h"
#include "invigil/scoring/v1/scoring.pb.h"
#include "services/scoring/domain/conversion.h"
#include "services/scoring/domain/explain.h"
#include "services/scoring/domain/key.h"
#include "services/scoring/domain/responses.h"
#include "services/scoring/domain/scoring.h"
#include "services/scoring/store/score_store.h"

namespace invigil::scoring {

ScoringKey KeyFromProto(const itembank::v1::GetScoringKeyResponse& key);
// How it was sat; unset when nothing is said, or not whose it is.
std::optional<SittingRecord> SittingFromProto(const v1::ScoreSessionRequest& request);
std::vector<SealedResponse> ResponsesFromProto(const v1::ScoreSessionRequest& request);

// The body of a ScoreRecord: a Score message without what the store gives (version and time).
// `equating_id`: the accepted equating behind the form's conversion; empty: provisional.
std::string EncodeScore(const Score& score, const std::string& session_id,
                        const std::string& equating_id = "");
// The equating a body names. Errors: INTERNAL when it can't be read.
absl::StatusOr<std::string> EquatingIn(const std::string& body);
// The whole message of a stored score. Errors: INTERNAL when the body can't be read.
absl::Status FillScore(const ScoreRecord& record, v1::Score* score);

void FillExplanation(const Conversion& conversion, const Explanation& explanation,
                     v1::ExplainScoreResponse* response);

}  // namespace invigil::scoring
