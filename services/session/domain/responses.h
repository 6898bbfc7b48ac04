// Judging writes: which are well formed, which are newer than what is stored, and whether what a
// candidate saw is stored.
#pragma once

#include "absl/status/status.h"
#include "services/session/domain/commands.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/events.h"

namespace invigil::session {

// Whether storing `sent` changes an answer that was given, as edit quotas count.
inline bool IsEdit(const StoredResponse& held, const StoredResponse& sent) {
  return held.options != 0 && sent.options != held.options;
}

// Judges all of a request against an active session. On OK `acks` has the fate of every write and
// `stored` those that change something. Errors: INVALID_ARGUMENT (RESPONSE_INVALID) naming every
// wrong field; FAILED_PRECONDITION (ITEMS_LOCKED, EDIT_QUOTA_USED, metadata item_ids, sent, and
// stored: what the session holds for them); then both are left empty. A write of what is held
// already is never refused for a lock: its first reply may have been lost.
absl::Status JudgeWrites(const State& state, const SaveResponses& save, Acks& acks,
                         ResponsesStored& stored);

// OK when for every item seen the session holds that write or a newer one. Errors: INVALID_ARGUMENT
// (RESPONSE_INVALID), FAILED_PRECONDITION (RESPONSES_MISSING, naming the items to send again).
absl::Status JudgeSeen(const State& state, const std::vector<ItemSequence>& seen);

// What a set of recovered responses stores in a sealed session. Errors: INVALID_ARGUMENT
// (RESPONSE_INVALID) naming every wrong field.
absl::Status JudgeRecovered(const State& state, const std::vector<ResponseWrite>& writes,
                            std::vector<ResponsesStored::Response>& stored);

// What a progress report stores. Errors: as above.
absl::Status JudgeProgress(const State& state, const SaveProgress& save, ProgressStored& stored);

}  // namespace invigil::session
