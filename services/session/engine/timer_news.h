// What a committed change of a session means for its timer.
#pragma once

#include <optional>

#include "services/session/domain/session.h"

namespace invigil::session {

struct TimerNews {
  std::optional<Time> schedule;  // it runs until then
  bool remove = false;           // it needs no timer any more
};

inline TimerNews TimerNewsOf(const State& before, const State& after) {
  if (!after.live()) return {.remove = before.live()};
  const auto deadline = Deadline(after);
  return {.schedule = deadline != Deadline(before) ? deadline : std::nullopt};
}

}  // namespace invigil::session
