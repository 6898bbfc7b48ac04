// From what was granted to a candidate to what a sitting of a form gets. Pure.
#pragma once

#include "services/session/domain/form.h"
#include "services/session/registration/domain/records.h"

namespace invigil::session::registration {

// Of two that apply, each field's larger value: nobody loses by being granted more.
Terms Together(const Terms& a, const Terms& b);

// What `standing` grants to a sitting that starts at `at`.
Terms StandingAt(const Standing& standing, Time at);

// The percentage lengthens the exam's time and each section's own alike; the minutes come after it,
// and sections with an own time get their share of them, as their time is of the exam's. What is
// added is rounded up to whole seconds, each at most kMaxExtra. Where every section has its own
// time the exam gets at least what they get together, so that the last of them is not cut by what
// the others were rounded up by. Breaks, agreements and the like keep their time.
Accommodation Accommodate(const Form& form, const Terms& terms);

}  // namespace invigil::session::registration
