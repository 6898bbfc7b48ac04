// Judging writes: which are well formed, which are newer than what is stored, and whether what a
// candidate saw is stored.
#pragma once

#include "absl/status/status.h"
#include "services/session/domain/commands.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/events.h"

namespace invigil::session {

// Judges all of a request against an active session. On OK `acks` has the fate of every write and
// `stored` those that change something. Errors: INVALID_ARGUMENT (RESPONSE_INVALID) naming every
// wrong field; then both are left empty.
absl::Status JudgeWrites(const State& state, const SaveResponses& save, Acks& acks,
                         ResponsesStored& stored);

// OK when for every item seen the session holds that write or a newer one. Errors: INVALID_ARGUMENT
// (RESPONSE_INVALID), FAILED_PRECONDITION (RESPONSES_MISSING, naming the items to send again).
absl::Status JudgeSeen(const State& state, const std::vector<ItemSequence>& seen);

}  // namespace invigil::session
