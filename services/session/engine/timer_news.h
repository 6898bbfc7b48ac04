// What a committed change of a session means for its timer.
#pragma once

#include <optional>

#include "services/session/domain/clock.h"

namespace invigil::session {

struct TimerNews {
  std::optional<Time> schedule;  // it runs until then
  // It needs no timer any more; the one it had was for then. Another replica may have set a newer
  // one by the time this is told, so only that very one may go.
  std::optional<Time> remove;
};

inline TimerNews TimerNewsOf(const State& before, const State& after) {
  const auto due = DueTime(after);
  const auto due_before = DueTime(before);
  if (due) return {.schedule = due != due_before ? due : std::nullopt, .remove = {}};
  return {.remove = due_before};
}

}  // namespace invigil::session
