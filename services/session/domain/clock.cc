#include "services/session/domain/clock.h"

#include <algorithm>

#include "services/session/domain/apply.h"

namespace invigil::session {
namespace {

// What ends next while time runs.
enum class End : uint8_t { kPart, kExam, kBreak, kWindow };
struct NextEnd {
  Time at{};
  End what = End::kPart;
};

std::optional<NextEnd> FindNextEnd(const State& state) {
  if (state.state != SessionState::kActive && state.state != SessionState::kOnBreak) {
    return std::nullopt;
  }
  std::optional<NextEnd> next;
  // Of ends at one instant the first offered counts.
  const auto offer = [&](Time at, End what) {
    if (!next || at < next->at) next = NextEnd{at, what};
  };
  if (state.window_end) offer(*state.window_end, End::kWindow);
  if (state.part_since) {
    if (state.current_part().is_section()) {
      offer(*state.part_since + ExamTime(state) - state.exam_used - state.part_used, End::kExam);
    }
    if (const auto time = PartTime(state)) {
      offer(*state.part_since + *time - state.part_used, End::kPart);
    }
  }
  if (state.break_kind == BreakKind::kPooled && state.break_since) {
    offer(*state.break_since + state.break_pool() - state.pool_used, End::kBreak);
  }
  return next;
}

Event EnterOrSeal(const State& state, uint32_t part, Time at) {
  if (part < state.form->parts()) {
    return PartEntered{part, at, state.form->part(part).kind == PartKind::kBreak};
  }
  return Sealed{SessionState::kExpired, state.answers_ended_at.value_or(at), {}, {}};
}

}  // namespace

std::optional<Time> DueTime(const State& state) {
  const auto next = FindNextEnd(state);
  return next ? std::optional(next->at) : std::nullopt;
}

std::optional<Due> NextDue(const State& state) {
  const auto next = FindNextEnd(state);
  if (!next) return std::nullopt;
  const Time at = next->at;
  switch (next->what) {
    case End::kWindow:
      return Due{at, EnterOrSeal(state, static_cast<uint32_t>(state.form->parts()), at)};
    case End::kExam:  // sections that were not reached are lost, what follows them is not
      return Due{at, EnterOrSeal(state, static_cast<uint32_t>(state.form->after_sections()), at)};
    case End::kBreak:
      return Due{at, BreakEnded{at}};
    case End::kPart:
      break;
  }
  if (state.current_part().kind == PartKind::kAgreement) {  // not accepted in time
    return Due{at, Sealed{SessionState::kTerminated, at, {}, "the agreement was not accepted"}};
  }
  return Due{at, EnterOrSeal(state, state.part + 1, at)};
}

Duration PartUsed(const State& state, Time now) {
  if (!state.part_since) return state.part_used;
  return state.part_used + std::max(Duration(0), now - *state.part_since);
}

std::optional<Duration> PartTime(const State& state) {
  const Part& part = state.current_part();
  if (part.limit == Duration(0)) return std::nullopt;
  Duration time = part.limit + state.part_granted;
  if (state.accommodation && state.part < state.accommodation->part_extra.size()) {
    time += state.accommodation->part_extra[state.part];
  }
  return time;
}

Duration ExamTime(const State& state) {
  return state.form->duration() + state.exam_extra() + state.granted;
}

View ViewAt(const State& state, Time now) {
  now = std::max(now, state.last_event_at);
  if (Overdue(state, now)) {  // seldom: look at the session as it will be written
    State later = state;
    for (auto due = NextDue(later); due && due->at <= now; due = NextDue(later)) {
      if (!Apply(later, due->event, due->at).ok()) break;
    }
    later.last_event_at = now;
    if (!Overdue(later, now)) return ViewAt(later, now);
  }
  View view{state.state, state.part, Duration(0), Duration(0), state.ended_at};
  if (state.state == SessionState::kReady && state.form) {
    view.remaining = view.exam_remaining = ExamTime(state);
  }
  if (!state.sitting()) return view;
  Duration exam_used = state.exam_used;
  if (state.current_part().is_section()) exam_used += PartUsed(state, now);
  view.exam_remaining = std::max(Duration(0), ExamTime(state) - exam_used);
  if (const auto due = DueTime(state)) {
    view.remaining = *due - now;
  } else {  // paused: what will be left when it runs again
    State running = state;
    running.state = state.break_kind == BreakKind::kPooled || !state.current_part().is_section()
                        ? SessionState::kOnBreak
                        : SessionState::kActive;
    if (running.window_end) *running.window_end += now - *state.paused_at;
    (state.break_kind == BreakKind::kPooled ? running.break_since : running.part_since) = now;
    if (const auto end = DueTime(running)) view.remaining = *end - now;
  }
  view.remaining = std::max(Duration(0), view.remaining);
  return view;
}

bool LeavesTime(const State& sealed, const Reopened& reopened, Time now) {
  State state = sealed;
  return Apply(state, reopened, now).ok() && !Overdue(state, now);
}

Duration LongestLeft(const State& state, Time now) {
  if (!state.live() || !state.form) return Duration(0);
  Duration left = ExamTime(state) + state.break_pool();
  for (size_t i = 0; i < state.form->parts(); ++i) {
    const Part& part = state.form->part(i);
    if (part.is_section()) continue;
    left += part.limit;
    if (state.accommodation && i < state.accommodation->part_extra.size()) {
      left += state.accommodation->part_extra[i];
    }
  }
  // What has passed since the start was either used or paused.
  if (state.started_at && !state.paused_at) {
    const Duration used = state.exam_used + PartUsed(state, now);
    left -= std::min(left, used);
  }
  return left;
}

}  // namespace invigil::session
