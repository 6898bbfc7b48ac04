// A score report as a page of text.
#pragma once

#include <string>

#include "invigil/scoring/v1/scoring.pb.h"
#include "invigil/session/v1/delivery.pb.h"

namespace invigil::cli {

// At most `width` columns (at least 44 are used); ASCII but for the texts of the exam itself.
std::string ReportText(const session::v1::GetScoreReportResponse& report, size_t width = 80);

// How the score came about: the sentences, and the conversion from `around` rows below the
// session's raw score and the cut to as many above.
std::string ExplanationText(const scoring::v1::ExplainScoreResponse& explanation, size_t width = 80,
                            int around = 3);

// The scale as a line of `width` columns: the score, its error band and the cut.
std::string ScaleLine(const session::v1::GetScoreReportResponse& report, size_t width);

}  // namespace invigil::cli
