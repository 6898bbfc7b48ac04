#include "services/session/domain/session.h"

#include <algorithm>
#include <array>

namespace invigil::session {
namespace {

template <typename T>
bool SameValue(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) {
  return a == b || (a && b && *a == *b);
}

}  // namespace

std::string_view StateName(SessionState state) {
  static constexpr std::array<std::string_view, kSessionStates> kNames = {
      "NONE",    "READY",      "ACTIVE", "PAUSED",   "ON_BREAK", "SUBMITTED",
      "EXPIRED", "TERMINATED", "SCORED", "RELEASED", "VOIDED"};
  const auto index = static_cast<size_t>(state);
  return index < kNames.size() ? kNames[index] : "UNKNOWN";
}

bool operator==(const State& a, const State& b) {
  return a.version == b.version && a.state == b.state && a.epoch == b.epoch &&
         a.deadline_version == b.deadline_version && a.attempt_version == b.attempt_version &&
         a.score_version == b.score_version && a.last_event_at == b.last_event_at &&
         a.started_at == b.started_at && a.ended_at == b.ended_at && a.granted == b.granted &&
         SameValue(a.identity, b.identity) && SameValue(a.form, b.form) &&
         SameValue(a.report, b.report) && a.responses == b.responses && a.grants == b.grants;
}

std::optional<Time> Deadline(const State& state) {
  if (!state.started_at) return std::nullopt;
  return *state.started_at + state.form->duration() + state.granted;
}

bool Overdue(const State& state, Time now) {
  return state.state == SessionState::kActive && now >= *Deadline(state);
}

View ViewAt(const State& state, Time now) {
  View view{state.state, Duration(0), state.ended_at};
  if (state.state == SessionState::kReady && state.form) {
    view.remaining = state.form->duration() + state.granted;
  } else if (Overdue(state, now)) {
    view.state = SessionState::kExpired;
    view.ended_at = Deadline(state);
  } else if (state.state == SessionState::kActive) {
    view.remaining = *Deadline(state) - std::max(now, state.last_event_at);
  }
  return view;
}

}  // namespace invigil::session
