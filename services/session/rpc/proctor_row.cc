#include "services/session/rpc/proctor_row.h"

#include <algorithm>

#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/clock.h"

namespace invigil::session {

Duration RosterRow::RemainingAt(Time now) const {
  if (!runs) return remaining;
  return std::max(Duration(0), remaining - std::max(Duration(0), now - at));
}

bool RosterRow::Has(Problem problem) const {
  switch (problem) {
    case Problem::kHelpAsked:
      return live() && help > 0;
    case Problem::kCheckIn:
      return state == SessionState::kReady && !checked_in;
    case Problem::kPaused:
      return state == SessionState::kPaused;
    case Problem::kMissing:
      return missing;
    case Problem::kUnconfirmed:
      return live() && unconfirmed > 0;
    case Problem::kIrregularity:
      return irregularities > 0;
    case Problem::kUnsaved:
      return live() && unsaved > 0;
  }
  return false;
}

int RosterRow::Rank() const {
  for (int k = 1; k <= kProblems; ++k) {
    if (Has(static_cast<Problem>(k))) return k;
  }
  return kProblems + 1;
}

RosterRow MakeRow(const SessionId& session, const State& state, Time now) {
  RosterRow row;
  const View view = ViewAt(state, now);
  row.session = session;
  row.candidate_id = state.identity->candidate_id;
  row.exam_id = state.identity->exam_id;
  row.state = view.state;
  row.version = state.version;
  row.deadline_version = state.deadline_version;
  row.epoch = state.epoch;
  row.part = view.part;
  row.granted = state.granted;
  row.remaining = view.remaining;
  row.at = std::max(now, state.last_event_at);
  row.runs = DueTime(state).has_value();
  row.started_at = state.started_at;
  row.ended_at = view.ended_at;
  row.paused_at = state.paused_at;
  row.checked_in = state.checked_in;
  row.held = state.held;
  if (state.extras) {
    for (const Message& message : state.extras->messages) {
      if (message.confirmed) continue;
      ++(message.from_candidate ? row.help : row.unconfirmed);
    }
    row.irregularities = static_cast<uint32_t>(state.extras->irregularities.size());
  }
  return row;
}

absl::StatusOr<State> ReadState(EventLogReader& reader, const SessionId& session) {
  State state;
  const auto corrupt = [&] {
    return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT",
                 "the log has no event " + std::to_string(state.version + 1));
  };
  INVIGIL_RETURN_IF_ERROR(
      reader.ReadLog(session, [&](uint64_t seq, Time at, const Event& event) -> absl::Status {
        if (seq != state.version + 1) return corrupt();
        return Apply(state, event, at);
      }));
  if (!state.exists()) return corrupt();
  return state;
}

bool MustRepeat(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

}  // namespace invigil::session
