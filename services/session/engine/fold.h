// The next event of a log, for whoever folds one.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

// Takes `state` past the event with sequence `seq`. Errors: DATA_LOSS (LOG_CORRUPT).
inline absl::Status FoldNext(const SessionId& session, State& state, uint64_t seq, Time at,
                             const Event& event) {
  if (seq == state.version + 1) return Apply(state, event, at);
  return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT",
               "the log of session " + session.ToHex() + " has no event " +
                   std::to_string(state.version + 1));
}

}  // namespace invigil::session
