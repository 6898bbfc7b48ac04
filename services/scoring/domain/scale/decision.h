// Decisions that need more than one number: floors under sections, a section that decides near the
// cut, and exams that count only together.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace invigil::scoring {

// A section's result, unrounded, on whatever scale its floor is stated.
struct SectionResult {
  std::string section_id;
  double value = 0;
};

struct SectionFloor {
  std::string section_id;
  double least = 0;
};

// Where the total lies within `band` of the cut, on either side, this section decides instead.
struct TieBreaker {
  std::string section_id;
  double band = 0;   // 0 or more, in units of the total
  double least = 0;  // of the section
};

struct DecisionRule {
  double cut = 0;                    // on the total
  std::vector<SectionFloor> floors;  // all must be reached, whatever the total
  std::optional<TieBreaker> tie_breaker;
};

enum class DecidedBy { kTotal, kFloor, kTieBreaker };

struct Decision {
  bool passed = false;
  DecidedBy by = DecidedBy::kTotal;
  std::vector<std::string> below_floor;  // sections under theirs, in the rule's order
};

// Values within 1e-9 of a bound have reached it. A floor that is not reached fails, also where the
// tie-breaker would pass.
// Errors, INVALID_ARGUMENT: DECISION_RULE (a bound or band that is not a number, a negative band,
// two floors for one section), SECTION_MISSING (no result for a section the rule names),
// SECTION_REPEATED, SCORE_INVALID (a total or section value that is not a number).
absl::StatusOr<Decision> Decide(const DecisionRule& rule, double total,
                                std::span<const SectionResult> sections);

// Exams that certify together, each to be passed within the same span of calendar months.
struct LinkedRule {
  std::vector<std::string> exam_ids;
  std::chrono::months window{36};
};

// A pass; days are calendar days in the programme's declared time zone.
struct LinkedPass {
  std::string exam_id;
  std::chrono::sys_days day;
};

struct LinkedStanding {
  std::optional<std::chrono::sys_days> completed;  // the first day on which all were passed in time
  // Without completion, counting from `today`: exams still to be passed, and the last day on which
  // the oldest pass that counts still does (unset when none counts).
  std::vector<std::string> missing;
  std::optional<std::chrono::sys_days> last_day;
};

// A pass on the last day of the window counts; a month that has no such day ends on its last one.
// Passes of other exams and passes after `today` are ignored.
// Errors, INVALID_ARGUMENT: LINKED_RULE (no exam, one twice, a window that is not above 0).
absl::StatusOr<LinkedStanding> StandingOf(const LinkedRule& rule,
                                          std::span<const LinkedPass> passes,
                                          std::chrono::sys_days today);

}  // namespace invigil::scoring
