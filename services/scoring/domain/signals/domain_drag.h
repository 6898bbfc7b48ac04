// Is a domain behind the rest of the learner's own results, by more than chance and than looking at
// many domains explains?
//
// Given a session's number correct, the number correct inside a domain has a distribution that
// under a flat profile hardly depends on ability (with equal slopes and no guessing not at all:
// Rasch 1960). It is computed exactly by Lord & Wingersky (1984) at the ability of that number
// correct, sessions are convolved, and the lower tail is the p-value. Over domains Holm (1979)
// holds the chance of any false alarm at the significance.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/signals/evidence.h"

namespace invigil::scoring {

struct DragOptions {
  double significance = 0.05;  // of the whole family; in (0, 1)
  size_t least_items = 5;      // below it a domain is not judged
};

struct DomainDrag {
  size_t domain = 0;
  size_t items = 0, right = 0;
  double expected = 0;    // right, on a flat profile with the same session totals
  double gap = 0;         // (right - expected) / items in percentage points; below 0: behind
  double gap_error = 0;   // its standard deviation on a flat profile, in percentage points
  double p_value = 1;     // of so few or fewer
  double p_adjusted = 1;  // Holm's
  bool judged = false;    // enough items
  bool drags = false;     // p_adjusted below the significance
  // Points of the exam's percent correct the gap costs: weight x gap, 0 unless it drags.
  double severity = 0;
};

// Of the sessions that count (ExclusionOf), first-seen operational items only. `weights` are the
// domains' shares of the exam in percent, one a domain; the result has them in that order.
// Errors, INVALID_ARGUMENT: those of Validate(sessions); DOMAIN_UNKNOWN (a response of a domain
// without weight), WEIGHT_INVALID (negative, not finite or all 0), DRAG_OPTIONS;
// FAILED_PRECONDITION: ANSWERS_UNEXPLAINED (no ability gives such a total on such items: parameters
// must be wrong).
absl::StatusOr<std::vector<DomainDrag>> FindDrag(std::span<const PracticeSession> sessions,
                                                 std::span<const double> weights,
                                                 const DragOptions& options = {},
                                                 const EvidenceRules& rules = {});

}  // namespace invigil::scoring
