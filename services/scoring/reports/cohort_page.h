// A cohort as a page with plots, for staff. Pure.
#pragma once

#include <string>

#include "services/scoring/reports/cohort.h"

namespace invigil::scoring::reports {

// At most kMostRows flagged items are listed; the page says how many there are.
inline constexpr size_t kMostRows = 50;
std::string CohortPage(const CohortNumbers& numbers);

}  // namespace invigil::scoring::reports
