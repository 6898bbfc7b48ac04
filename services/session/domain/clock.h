// The clock of a sitting: what is left, and what happens by itself when nothing is. The one place
// that computes a deadline.
//
// A section's time, a break's and an untimed part's run while `State::part_since` is set; the whole
// exam's runs with the sections'. Hence
//   part ends   part_since + limit + extra + grants to it - what it used before
//   exam ends   part_since + duration + extra + grants    - what sections used before
// and, for an exam that is one section, start + base + extra + grants + pauses.
#pragma once

#include <cstdint>
#include <optional>

#include "services/session/domain/events.h"
#include "services/session/domain/session.h"

namespace invigil::session {

// The event that time alone brings about next, and when. nullopt: none is due, ever: not started,
// paused, or sealed. An event of the past is due at once.
struct Due {
  Time at{};
  Event event;
};
std::optional<Due> NextDue(const State& state);
// The time of it, cheaply. What timers and indexes hold.
std::optional<Time> DueTime(const State& state);
inline bool Overdue(const State& state, Time now) {
  const auto due = DueTime(state);
  return due && now >= *due;
}

// How much of the part's time was used by `now`.
Duration PartUsed(const State& state, Time now);
// The current part's own time, all together. nullopt: it has none of its own.
std::optional<Duration> PartTime(const State& state);
// The exam's time, all together: base, accommodation and grants.
Duration ExamTime(const State& state);

// What a reader is told at `now`, right even when events that are due are not yet written.
struct View {
  SessionState state = SessionState::kNone;
  uint32_t part = 0;
  // Until the current part ends, by its own time, the exam's or the window's, whichever is first:
  // what a candidate counts down. The whole exam's time while READY; zero when sealed.
  Duration remaining{0};
  // Of the exam's own time; stands still outside sections.
  Duration exam_remaining{0};
  std::optional<Time> ended_at;
};
View ViewAt(const State& state, Time now);

// Whether a sealed session that is reopened so has time to answer.
bool LeavesTime(const State& sealed, const Reopened& reopened, Time now);

// An upper bound of how long the session can still run, breaks and untimed parts included, if
// nobody pauses it or grants time.
Duration LongestLeft(const State& state, Time now);

}  // namespace invigil::session
