#include "services/session/domain/apply.h"

#include <algorithm>
#include <string>

#include "common/error/error.h"
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
  const char* operator()(const ResponsesStored& e) const {
    for (const auto& response : e.responses) {
      if (response.place >= state.responses.size()) return "a place is not on the form";
    }
    return nullptr;
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
  void operator()(const Started&) const { state.started_at = at; }
  void operator()(const ResponsesStored& e) const {
    for (const auto& response : e.responses) state.responses[response.place] = response.stored;
  }
  void operator()(const TakenOver& e) const { state.epoch = e.epoch; }
  void operator()(const TimeGranted& e) const {
    state.grants.push_back(e.grant);
    state.granted += e.grant.amount;
    ++state.deadline_version;
  }
  void operator()(const Sealed& e) const {
    state.ended_at = e.ended_at;
    ++state.attempt_version;
  }
  void operator()(const Scored& e) const {
    state.score_version = e.score_version;
    state.report = e.report;
  }
  void operator()(const Released&) const {}
  void operator()(const Voided&) const {}
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
