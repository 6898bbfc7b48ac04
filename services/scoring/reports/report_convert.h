// Between reports and messages. No judgement.
#pragma once

#include "invigil/scoring/v1/report.pb.h"
#include "invigil/scoring/v1/scoring.pb.h"
#include "services/scoring/domain/pages/score_page.h"
#include "services/scoring/reports/cohort.h"

namespace invigil::scoring::reports {

// What a candidate may see of a score: no number correct, no theta, nothing of the form.
ScoreFacts FactsOf(const v1::Score& score);
void FillCohort(const CohortNumbers& numbers, v1::CohortReport* out);

}  // namespace invigil::scoring::reports
