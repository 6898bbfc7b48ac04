// What a committed change of a session means for its timer.
#pragma once

#include <optional>

#include "services/session/domain/clock.h"

namespace invigil::session {

struct TimerNews {
  std::optional<Time> schedule;  // it runs until then
  bool remove = false;           // it needs no timer any more
};

inline TimerNews TimerNewsOf(const State& before, const State& after) {
  const auto due = DueTime(after);
  const auto due_before = DueTime(before);
  if (due) return {.schedule = due != due_before ? due : std::nullopt};
  return {.remove = due_before || (before.live() && !after.live())};
}

}  // namespace invigil::session
