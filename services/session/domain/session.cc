#include "services/session/domain/session.h"

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
         a.started_at == b.started_at && a.ended_at == b.ended_at && a.part == b.part &&
         a.part_since == b.part_since && a.part_used == b.part_used &&
         a.part_granted == b.part_granted && a.next_granted == b.next_granted &&
         a.exam_used == b.exam_used && a.granted == b.granted && a.window_end == b.window_end &&
         a.break_kind == b.break_kind && a.break_since == b.break_since &&
         a.pool_used == b.pool_used && a.breaks == b.breaks && a.clock_stops == b.clock_stops &&
         a.paused_at == b.paused_at && a.answers_ended_at == b.answers_ended_at &&
         a.left == b.left && a.sealed_as == b.sealed_as && a.cursor == b.cursor &&
         a.edits_used == b.edits_used && a.checked_in == b.checked_in && a.claimed == b.claimed &&
         a.held == b.held && SameValue(a.identity, b.identity) && SameValue(a.form, b.form) &&
         SameValue(a.accommodation, b.accommodation) && SameValue(a.report, b.report) &&
         SameValue(a.extras, b.extras) && a.responses == b.responses && a.grants == b.grants;
}

std::optional<Time> Deadline(const State& state) {
  if (!state.started_at) return std::nullopt;
  return *state.started_at + state.form->duration() + state.exam_extra() + state.granted;
}

}  // namespace invigil::session
