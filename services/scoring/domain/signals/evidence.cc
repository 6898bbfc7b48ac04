#include "services/scoring/domain/signals/evidence.h"

#include <cmath>

#include "common/error/error.h"

namespace invigil::scoring {

Exclusion ExclusionOf(const PracticeSession& session, const EvidenceRules& rules) {
  if (!session.full_length) return Exclusion::kNotFullLength;
  if (!session.timed) return Exclusion::kNotTimed;
  if (session.paused) return Exclusion::kPaused;
  if (session.revealed) return Exclusion::kRevealed;
  if (session.aided) return Exclusion::kAided;
  if (!session.equated) return Exclusion::kNotEquated;
  size_t operational = 0, first_seen = 0;
  for (const PracticeResponse& response : session.responses) {
    if (!response.operational) continue;
    ++operational;
    first_seen += response.first_seen;
  }
  if (operational == 0) return Exclusion::kNoItems;
  const double share = static_cast<double>(first_seen) / static_cast<double>(operational);
  return first_seen == 0 || share < rules.least_first_seen_share ? Exclusion::kRepeatedItems
                                                                 : Exclusion::kNone;
}

std::string NameOf(Exclusion exclusion) {
  switch (exclusion) {
    case Exclusion::kNone:
      return "";
    case Exclusion::kNotFullLength:
      return "NOT_FULL_LENGTH";
    case Exclusion::kNotTimed:
      return "NOT_TIMED";
    case Exclusion::kPaused:
      return "PAUSED";
    case Exclusion::kRevealed:
      return "ANSWERS_REVEALED";
    case Exclusion::kAided:
      return "AIDED";
    case Exclusion::kNotEquated:
      return "NOT_EQUATED";
    case Exclusion::kRepeatedItems:
      return "REPEATED_ITEMS";
    case Exclusion::kNoItems:
      return "NO_ITEMS";
    case Exclusion::kUnexplained:
      return "ANSWERS_UNEXPLAINED";
  }
  return "";
}

std::vector<PracticeResponse> EvidenceOf(const PracticeSession& session) {
  std::vector<PracticeResponse> evidence;
  for (const PracticeResponse& response : session.responses) {
    if (response.operational && response.first_seen) evidence.push_back(response);
  }
  return evidence;
}

absl::Status Validate(std::span<const PracticeSession> sessions) {
  for (size_t s = 0; s < sessions.size(); ++s) {
    if (!std::isfinite(sessions[s].form_error) || sessions[s].form_error < 0) {
      return InvalidArgument(
          "FORM_ERROR_INVALID",
          "the form error of session " + std::to_string(s + 1) + " must be 0 or more");
    }
    for (size_t i = 0; i < sessions[s].responses.size(); ++i) {
      if (IsValid(sessions[s].responses[i].irt)) continue;
      return InvalidArgument("ITEM_PARAMETERS_INVALID",
                             "response " + std::to_string(i + 1) + " of session " +
                                 std::to_string(s + 1) +
                                 " needs an item with a above 0, a finite b and g in [0, 1)");
    }
  }
  return absl::OkStatus();
}

}  // namespace invigil::scoring
