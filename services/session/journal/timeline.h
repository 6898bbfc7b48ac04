// What happened in one session, told for people: an appeal, an incident, a question of support.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/session/domain/session_id.h"
#include "services/session/store/event_log.h"

namespace invigil::session {

struct TimelineEntry {
  uint64_t seq = 0;  // 0: no event, but a remark of the journal, as of a call that was refused
  Time written_at{};
  Time happened_at{};  // earlier only for what time alone brought about
  std::string kind;
  std::string actor;  // empty: the candidate, or the suite itself
  std::string text;
  std::optional<Time> due;  // what time would bring about next, from then on
};

// Blocks for the read. Errors: NOT_FOUND (SESSION_NOT_FOUND), DATA_LOSS (LOG_CORRUPT), those of the
// store.
absl::StatusOr<std::vector<TimelineEntry>> ReadTimeline(EventLogReader& reader,
                                                        const SessionId& session);

}  // namespace invigil::session
