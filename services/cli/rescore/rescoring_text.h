// Rescorings as pages for people.
#pragma once

#include <string>
#include <vector>

#include "invigil/scoring/v1/rescoring.pb.h"

namespace invigil::cli {

// What was decided, where it stands, whom it changes, who did what.
std::string RescoringText(const scoring::v1::Rescoring& rescoring);
// One line about how far it is.
std::string ProgressLine(const scoring::v1::Rescoring& rescoring);
// A table, newest first.
std::string RescoringsText(const std::vector<scoring::v1::Rescoring>& rescorings);
// A table of sessions: score by the old and by the new key.
std::string ChangesText(const std::vector<scoring::v1::RescoringChange>& changes);

}  // namespace invigil::cli
