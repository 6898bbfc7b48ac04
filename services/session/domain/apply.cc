#include "services/session/domain/apply.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "common/error/error.h"
#include "services/session/domain/clock.h"
#include "services/session/domain/responses.h"
#include "services/session/domain/transitions.h"

namespace invigil::session {
namespace {

absl::Status Corrupt(const State& state, const char* why) {
  return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT",
               "event " + std::to_string(state.version + 1) + " can't follow in state " +
                   std::string(StateName(state.state)) + ": " + why)
      .Build();
}

// Empty when the transition table's permission suffices; else why the event can't follow.
struct Check {
  const State& state;
  const char* operator()(const FormAttached& e) const {
    return state.form ? "there is a form" : !e.form ? "it has no form" : nullptr;
  }
  const char* operator()(const Started&) const { return state.form ? nullptr : "there is no form"; }
  const char* Stored(const ResponsesStored::Response& response) const {
    if (response.place >= state.responses.size()) return "a place is not on the form";
    const bool fits = response.stored.options >> state.form->option_count(response.place) == 0;
    return fits ? nullptr : "an option is not the item's";
  }
  const char* operator()(const ResponsesStored& e) const {
    for (const auto& response : e.responses) {
      if (const char* why = Stored(response)) return why;
    }
    return nullptr;
  }
  const char* operator()(const BreakEnded&) const {
    return state.break_kind != BreakKind::kNone ? nullptr : "no break was taken";
  }
  const char* operator()(const PartEntered& e) const {
    if (e.part <= state.part || e.part >= state.form->parts()) return "its part does not follow";
    const bool is_break = state.form->part(e.part).kind == PartKind::kBreak;
    return is_break == e.is_break ? nullptr : "it mistakes a break";
  }
  const char* operator()(const ResponsesRecovered& e) const {
    for (const auto& response : e.responses) {
      if (const char* why = Stored(response)) return why;
    }
    return nullptr;
  }
  const char* operator()(const ProgressStored& e) const {
    if (e.shown && *e.shown >= state.responses.size()) return "a place is not on the form";
    for (const auto& entry : e.entries) {
      if (entry.place >= state.responses.size()) return "a place is not on the form";
    }
    return nullptr;
  }
  const char* operator()(const BreakStarted& e) const {
    for (uint32_t place : e.seen) {
      if (place >= state.responses.size()) return "a place is not on the form";
    }
    return nullptr;
  }
  const char* operator()(const Resumed& e) const {
    const bool is_break =
        state.break_kind != BreakKind::kNone || state.current_part().kind == PartKind::kBreak;
    return is_break == e.to_break ? nullptr : "it mistakes a break";
  }
  const char* operator()(const MessageConfirmed& e) const {
    if (state.extras) {
      for (const Message& message : state.extras->messages) {
        if (message.id == e.id) return nullptr;
      }
    }
    return "there is no such message";
  }
  const char* operator()(const Scored& e) const { return e.report ? nullptr : "it has no report"; }
  template <typename Other>
  const char* operator()(const Other&) const {
    return nullptr;
  }
};

struct Change {
  State& state;
  Time at;

  void operator()(const Reserved& e) const {
    state.identity = std::make_shared<const Identity>(e.identity);
    state.epoch = 1;
    state.deadline_version = 1;
  }
  void operator()(const FormAttached& e) const {
    state.form = e.form;
    state.responses.assign(e.form->size(), StoredResponse{});
  }
  void operator()(const Started& e) const {
    state.started_at = at;
    state.accommodation = e.accommodation;
    state.window_end = e.window_end;
    Enter(0, at);
  }
  void operator()(const PartEntered& e) const {
    StopPart(e.at);
    if (state.current_part().is_section()) {
      state.exam_used += state.part_used;
      if (e.part >= state.form->after_sections()) {
        state.answers_ended_at = e.at;
        state.left = {state.part, state.cursor, state.edits_used, state.part_used,
                      state.part_granted};
      }
    }
    Enter(e.part, e.at);
    if (e.is_break) ++state.breaks;
    ++state.deadline_version;
  }
  void operator()(const ResponsesStored& e) const {
    const Part& part = state.current_part();
    const bool forward_only = part.navigation == Navigation::kForwardOnly;
    for (const auto& response : e.responses) {
      StoredResponse& held = state.responses[response.place];
      if (part.edit_quota && IsEdit(held, response.stored)) ++state.edits_used;
      held = response.stored;
      if (forward_only) state.cursor = std::max(state.cursor, response.place);
    }
  }
  void operator()(const ProgressStored& e) const {
    if (!e.entries.empty()) {
      Extras& extras = Edit();
      extras.marks.resize(state.responses.size());
      for (const auto& entry : e.entries) extras.marks[entry.place] = entry.mark;
    }
    if (e.shown && state.current_part().navigation == Navigation::kForwardOnly) {
      state.cursor = std::max(state.cursor, *e.shown);
    }
  }
  void operator()(const TakenOver& e) const { state.epoch = e.epoch; }
  void operator()(const TimeGranted& e) const { Give(e.grant); }
  void operator()(const BreakStarted& e) const {
    state.break_kind = e.kind;
    ++state.breaks;
    if (e.kind == BreakKind::kPooled) {
      StopPart(at);
      state.break_since = at;
      ++state.deadline_version;
    }
    if (e.seen.empty()) return;
    Extras& extras = Edit();
    extras.locked.resize(state.responses.size());
    for (uint32_t place : e.seen) extras.locked[place] = true;
  }
  void operator()(const BreakEnded& e) const {
    StopBreak(e.at);
    if (state.break_kind == BreakKind::kPooled) {
      state.part_since = e.at;
      ++state.deadline_version;
    }
    state.break_kind = BreakKind::kNone;
  }
  void operator()(const Paused&) const {
    StopPart(at);
    StopBreak(at);
    state.paused_at = at;
    ++state.clock_stops;
    ++state.deadline_version;
  }
  void operator()(const Resumed&) const {
    if (state.window_end) *state.window_end += at - *state.paused_at;
    state.paused_at.reset();
    (state.break_kind == BreakKind::kPooled ? state.break_since : state.part_since) = at;
    ++state.deadline_version;
  }
  void operator()(const Sealed& e) const {
    StopPart(e.ended_at);
    StopBreak(e.ended_at);
    state.paused_at.reset();
    state.break_kind = BreakKind::kNone;
    state.ended_at = e.ended_at;
    state.sealed_as = e.as;
    ++state.attempt_version;
  }
  void operator()(const Reopened& e) const {
    state.ended_at.reset();
    state.answers_ended_at.reset();
    state.window_end.reset();  // whoever reopens has decided about it
    if (state.part >= state.form->after_sections()) {
      // Back into the section that was left, as it was left.
      state.part = state.left.part;
      state.cursor = state.left.cursor;
      state.edits_used = state.left.edits_used;
      state.exam_used -= state.left.used;
      state.part_used = state.left.used;
      state.part_granted = state.left.granted;
    } else if (state.current_part().kind == PartKind::kBreak) {
      Enter(state.part + 1, at);  // a section follows every break
    } else if (!state.current_part().is_section()) {
      Enter(state.part, at);
    }
    state.part_since = at;
    Give({e.grant.id, e.grant.amount, true});
    // A submit that is still under way was meant for the session as it was.
    ++state.epoch;
    ++state.clock_stops;
    ForgetScore();
  }
  void operator()(const ResponsesRecovered& e) const {
    for (const auto& response : e.responses) state.responses[response.place] = response.stored;
    Edit().recoveries.push_back(e.id);
    ++state.attempt_version;
    ForgetScore();
  }
  void operator()(const Scored& e) const {
    state.score_version = e.score_version;
    state.report = e.report;
  }
  void operator()(const CheckedIn&) const { state.checked_in = true; }
  void operator()(const MessageSent& e) const {
    Edit().messages.push_back({e.id, e.actor, e.text, at, e.from_candidate, false});
  }
  void operator()(const MessageConfirmed& e) const {
    for (Message& message : Edit().messages) {
      if (message.id == e.id) message.confirmed = true;
    }
  }
  void operator()(const IrregularityReported& e) const { Edit().irregularities.push_back(e.id); }
  void operator()(const Claimed& e) const {
    Identity identity = *state.identity;
    identity.candidate_id = e.candidate_id;
    state.identity = std::make_shared<const Identity>(std::move(identity));
    state.claimed = true;
  }
  void operator()(const Released&) const { state.held = false; }
  void operator()(const HoldChanged& e) const { state.held = e.held; }
  void operator()(const Voided&) const {
    state.part_since.reset();
    state.break_since.reset();
    state.paused_at.reset();
  }

 private:
  void Enter(uint32_t part, Time when) const {
    state.part = part;
    state.part_since = when;
    state.part_used = Duration(0);
    state.part_granted = Duration(0);
    state.break_kind = BreakKind::kNone;
    state.break_since.reset();
    const Part& entered = state.current_part();
    if (!entered.is_section()) return;
    state.edits_used = 0;
    state.cursor = entered.first_place;
    state.part_granted = std::exchange(state.next_granted, Duration(0));
  }
  // Takes what ran until `when` off the part's time.
  void StopPart(Time when) const {
    if (!state.part_since) return;
    state.part_used += std::max(Duration(0), when - *state.part_since);
    state.part_since.reset();
  }
  void StopBreak(Time when) const {
    if (!state.break_since) return;
    state.pool_used += std::max(Duration(0), when - *state.break_since);
    state.break_since.reset();
  }
  void Give(const Grant& grant) const {
    state.grants.push_back(grant);
    state.granted += grant.amount;
    if (state.started_at && state.current_part().is_section()) {
      state.part_granted += grant.amount;
    } else {
      state.next_granted += grant.amount;
    }
    if (state.window_end) *state.window_end += grant.amount;
    ++state.deadline_version;
  }
  void ForgetScore() const {
    state.score_version = 0;
    state.report.reset();
  }
  // A copy to change, since the old one may be shared.
  Extras& Edit() const {
    auto copy = state.extras ? std::make_shared<Extras>(*state.extras) : std::make_shared<Extras>();
    Extras& extras = *copy;
    state.extras = std::move(copy);
    return extras;
  }
};

}  // namespace

absl::Status Apply(State& state, const Event& event, Time at) {
  const auto trigger = TriggerOf(event);
  const auto next = trigger ? Next(state.state, *trigger) : std::nullopt;
  if (!next) return Corrupt(state, "there is no such transition");
  if (const char* why = std::visit(Check{state}, event)) return Corrupt(state, why);
  std::visit(Change{state, at}, event);
  state.state = *next;
  state.last_event_at = std::max(state.last_event_at, at);
  ++state.version;
  return absl::OkStatus();
}

}  // namespace invigil::session
