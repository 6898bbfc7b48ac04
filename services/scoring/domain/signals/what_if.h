// "What if I raised this domain by so many points?": the change in the probability of passing and
// in the scaled score, under number-correct scoring.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/signals/readiness.h"

namespace invigil::scoring {

struct WhatIf {
  size_t domain = 0;
  double raw_change = 0;          // questions on the exam
  double scaled_change = 0;       // of the expected scaled score
  double probability_change = 0;  // of reaching the cut, adjusted for the exam day
};

// Raises each domain in turn by `points` percentage points of its own questions (negative lowers).
// `items` are the scored questions of each domain on the exam, as many in all as the base form has.
// The number correct is taken as normal around its expectation at each ability (with continuity
// correction), so that the effect of a small raise is in proportion to the domain's questions.
// Errors, INVALID_ARGUMENT: WHAT_IF_INVALID (no domain, another number of items than the exam has,
// points outside -100 to 100, a readiness without posterior).
absl::StatusOr<std::vector<WhatIf>> WhatIfRaised(const ReadinessModel& model,
                                                 const Readiness& readiness,
                                                 std::span<const size_t> items, double points);

}  // namespace invigil::scoring
