// Events as the bytes of a row (protos/invigil/session/v1/event_log.proto).
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/session/domain/events.h"

namespace invigil::session {

// Replaces what is in `out`; reuse it, so that nothing is allocated in the long run.
void EncodeEvent(const Event& event, std::string& out);

// Errors: DATA_LOSS (LOG_CORRUPT) when the bytes are no event this program knows.
absl::StatusOr<Event> DecodeEvent(std::string_view bytes);

}  // namespace invigil::session
