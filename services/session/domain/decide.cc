#include "services/session/domain/decide.h"

#include <algorithm>

#include "services/session/domain/apply.h"
#include "services/session/domain/clock.h"
#include "services/session/domain/judge.h"
#include "services/session/domain/refusals.h"

namespace invigil::session {
namespace {

absl::Status Answer(const State& state, const Command& command, Decision& decision) {
  // Whoever claims a diagnostic is not yet its candidate.
  const bool claims = std::holds_alternative<Claim>(command.action);
  if (state.exists() && !command.candidate_id.empty() && !claims &&
      command.candidate_id != state.identity->candidate_id) {
    return NotYoursRefusal();
  }
  if (!state.exists() && !std::holds_alternative<Reserve>(command.action)) return NotFoundRefusal();
  return std::visit(Judge(state, decision), command.action);
}

}  // namespace

Decision Decide(const State& state, const Command& command, Time now) {
  Decision decision;
  decision.at = std::max(now, state.last_event_at);
  if (!Overdue(state, decision.at)) {
    decision.status = Answer(state, command, decision);
    return decision;
  }
  // What time alone brought about comes first, each at its own moment, however late it is written.
  State current = state;
  for (auto due = NextDue(current); due && due->at <= decision.at; due = NextDue(current)) {
    decision.status = Apply(current, due->event, decision.at);
    if (!decision.status.ok()) return decision;
    decision.events.push_back(std::move(due->event));
  }
  decision.status = Answer(current, command, decision);
  return decision;
}

}  // namespace invigil::session
