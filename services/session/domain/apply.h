// Folding the log: the only code that changes a State.
#pragma once

#include "absl/status/status.h"
#include "services/session/domain/events.h"

namespace invigil::session {

// Takes `state` past an event that happened `at`. Errors: DATA_LOSS (LOG_CORRUPT) when the event
// cannot follow; `state` is then unchanged. Never happens to events that Decide made from `state`.
absl::Status Apply(State& state, const Event& event, Time at);

}  // namespace invigil::session
