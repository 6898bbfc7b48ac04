// Readiness, study plans and cohorts as pages of text.
#pragma once

#include <string>

#include "invigil/scoring/v1/learner.pb.h"
#include "invigil/scoring/v1/report.pb.h"

namespace invigil::cli {

// At most `width` columns (at least 44 are used), but for tables of sessions and items.
std::string ReadinessText(const scoring::v1::Readiness& readiness, size_t width = 80);
std::string PlanText(const scoring::v1::StudyPlan& plan, size_t width = 80);
// The items with flags only.
std::string CohortText(const scoring::v1::CohortReport& report, size_t width = 80);

}  // namespace invigil::cli
