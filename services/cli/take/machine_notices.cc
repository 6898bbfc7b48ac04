#include "services/cli/take/machine_notices.h"

#include <algorithm>

#include "services/cli/core/names.h"
#include "services/cli/core/text.h"

namespace invigil::cli::take {

namespace ses = session::v1;

void TakeMessages(State& state, const std::vector<ses::SessionMessage>& messages) {
  for (const ses::SessionMessage& message : messages) {
    if (message.from_candidate() || message.confirmed()) continue;
    if (!state.known_messages.insert(message.message_id()).second) continue;
    state.notices.push_back(message);
  }
}

void CountMessages(State& state, uint32_t unconfirmed, Outbox& out) {
  // What was read here may still be on its way to the server.
  if (unconfirmed > state.notices.size() + state.confirming.size()) out.reload = true;
}

void MessageConfirmed(State& state, const std::string& message_id) {
  state.confirming.erase(message_id);
}

void PressNotice(State& state, const Key& key, Outbox& out) {
  if (key.kind != Key::Kind::kEnter) {
    state.message = "Press Enter when you have read the message.";
    return;
  }
  const std::string id = state.notices.front().message_id();
  state.notices.pop_front();
  state.confirming.insert(id);
  out.confirm.push_back(id);
}

void TakeGranted(State& state, Duration granted) {
  const Duration more = granted - state.granted;
  state.granted = granted;
  if (more > Duration(0)) {
    state.message = "The staff have given you " + ClockText(more.count()) + " more.";
  } else if (more < Duration(0)) {
    state.message = "The staff have taken back " + ClockText(-more.count()) + ".";
  }
}

void SayPause(State& state, ses::SessionState now) {
  if (state.session_state == ses::SESSION_STATE_PAUSED && now != ses::SESSION_STATE_PAUSED) {
    state.message = "The pause is over: the clock goes on.";
  }
}

void TakeNotices(State& state, const ses::Session& session, bool first) {
  TakeMessages(state, {session.messages().begin(), session.messages().end()});
  const Duration granted = cli::ToDuration(session.granted());
  if (first) {
    state.granted = granted;
  } else {
    TakeGranted(state, granted);
  }
}

bool ShowsNotice(const State& state) {
  return !state.notices.empty() && !state.sealed && state.view != View::kEnded &&
         state.view != View::kReport && state.view != View::kConfirmLeave &&
         state.view != View::kClosing;
}

bool MayTakeBreak(const State& state) {
  return state.session.breaks_allowed() || state.session.break_pool_remaining().seconds() > 0;
}

}  // namespace invigil::cli::take
