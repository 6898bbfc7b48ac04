// A candidate's report as the facts of its page.
#pragma once

#include <string>

#include "invigil/session/v1/delivery.pb.h"
#include "services/scoring/reports/score_page.h"

namespace invigil::cli {

// `explanation`: how the score came about, for staff; may be empty.
scoring::reports::ScoreFacts FactsOf(const session::v1::GetScoreReportResponse& report,
                                     const std::string& explanation);

}  // namespace invigil::cli
