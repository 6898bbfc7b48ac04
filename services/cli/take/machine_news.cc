#include "services/cli/take/machine_news.h"

#include <algorithm>
#include <type_traits>

namespace invigil::cli::take {
namespace {

namespace ses = session::v1;

constexpr int kSubmitAttempts = 3;
constexpr Duration kAskForSeal = Seconds(1);

Duration ToDuration(const google::protobuf::Duration& d) {
  return Seconds(d.seconds()) + Micros(d.nanos() / 1000);
}

size_t IndexOf(const State& state, const std::string& item_id) {
  for (int i = 0; i < state.session.items_size(); ++i) {
    if (state.session.items(i).item_id() == item_id) return static_cast<size_t>(i);
  }
  return state.answers.size();
}

void SetTime(State& state, Duration remaining, uint32_t version, Duration now) {
  // A reply that was on its way while the deadline moved knows the old one.
  if (version < state.deadline_version) return;
  state.deadline_version = version;
  state.remaining = remaining;
  state.deadline = now + remaining;
  if (remaining > Duration(0)) state.time_up = false;
}

void Adopt(State& state, size_t index, const ses::StoredResponse& stored) {
  Answer& answer = state.answers[index];
  answer.selected.assign(stored.option_ids().begin(), stored.option_ids().end());
  std::sort(answer.selected.begin(), answer.selected.end());
  answer.sequence = answer.saved_sequence = stored.sequence();
}

void Seal(State& state, Outbox& out) {
  if (state.sealed) return;
  state.sealed = true;
  state.submitting = false;
  state.view = View::kClosing;
  state.scroll = 0;
  out.report = true;
}

void End(State& state, std::string message) {
  state.view = View::kEnded;
  state.message = std::move(message);
}

void OnSaved(State& state, const Saved& saved, Duration now) {
  for (const ses::Ack& ack : saved.acks) {
    const size_t index = IndexOf(state, ack.item_id());
    if (index == state.answers.size()) continue;
    Answer& answer = state.answers[index];
    if (ack.status() == ses::ACK_STATUS_STORED) {
      answer.saved_sequence = std::max(answer.saved_sequence, ack.sequence());
    } else if (ack.sequence() == answer.sequence) {
      Adopt(state, index, ack.stored());
      state.message = "Question " + std::to_string(index + 1) +
                      " was answered on another device: you see what the server holds.";
    }
  }
  SetTime(state, saved.remaining, saved.deadline_version, now);
}

void OnUpdate(State& state, const Update& update, Duration now, Outbox& out) {
  const bool stood_still = !ClockRuns(state);
  if (update.state != ses::SESSION_STATE_UNSPECIFIED) state.session_state = update.state;
  if (IsSealed(state.session_state)) return Seal(state, out);
  SetTime(state, update.remaining, update.deadline_version, now);
  for (size_t i = 0; stood_still && ClockRuns(state) && i < state.answers.size(); ++i) {
    if (state.answers[i].unsaved()) out.writes.push_back(WriteOf(state, i));
  }
  if (update.epoch > state.session.epoch()) {
    End(state,
        "Another device has taken this session over. Nothing is lost: go on there, or run "
        "this command again with --take-over.");
  }
}

void OnRefused(State& state, const Refused& refused, Outbox& out) {
  if (refused.reason == "SESSION_SEALED" || refused.reason == "SESSION_NOT_ACTIVE") {
    out.refresh = true;  // the state says which seal it was, or that the clock stands still
    if (refused.reason == "SESSION_SEALED") Seal(state, out);
    if (state.submitting) state.view = View::kQuestion;
    state.submitting = false;
    return;
  }
  if (refused.reason == "RESPONSES_MISSING" && state.submit_attempts < kSubmitAttempts) {
    for (size_t i = 0; i < state.answers.size(); ++i) {
      Answer& answer = state.answers[i];
      if (answer.sequence == 0) continue;
      answer.saved_sequence = 0;
      out.writes.push_back(WriteOf(state, i));
    }
    return Submit(state, out);
  }
  if (refused.reason == "EPOCH_STALE") {
    return End(state,
               "Another device has taken this session over. Nothing that was saved is lost: "
               "go on there, or run this command again with --take-over.");
  }
  End(state, refused.message + " (" + refused.reason + ")");
}

void OnSubmitted(State& state, const ses::SubmitSessionResponse& response, Outbox& out) {
  std::vector<std::vector<std::string>> sealed(state.answers.size());
  for (const ses::StoredResponse& stored : response.receipt()) {
    const size_t index = IndexOf(state, stored.item_id());
    if (index == state.answers.size()) continue;
    sealed[index].assign(stored.option_ids().begin(), stored.option_ids().end());
    std::sort(sealed[index].begin(), sealed[index].end());
  }
  for (size_t i = 0; i < sealed.size(); ++i) {
    if (sealed[i] != state.answers[i].selected) state.receipt_differs = true;
  }
  state.session_state = response.state();
  Seal(state, out);
  if (response.has_report()) {
    out.report = false;
    state.report = response.report();
    state.view = View::kReport;
  }
}

}  // namespace

ses::ResponseWrite WriteOf(const State& state, size_t index) {
  const Answer& answer = state.answers[index];
  ses::ResponseWrite write;
  write.set_item_id(state.session.items(static_cast<int>(index)).item_id());
  write.set_sequence(answer.sequence);
  write.set_cleared(answer.selected.empty());
  for (const std::string& id : answer.selected) write.add_option_ids(id);
  return write;
}

void Submit(State& state, Outbox& out) {
  state.submitting = true;
  ++state.submit_attempts;
  state.view = View::kClosing;
  state.scroll = 0;
  auto& seen = out.submit.emplace();
  for (size_t i = 0; i < state.answers.size(); ++i) {
    if (state.answers[i].sequence == 0) continue;
    ses::ItemSequence& pair = seen.emplace_back();
    pair.set_item_id(state.session.items(static_cast<int>(i)).item_id());
    pair.set_sequence(state.answers[i].sequence);
  }
}

State Begin(const ses::Session& session, Duration now) {
  State state;
  state.session = session;
  state.answers.resize(static_cast<size_t>(session.items_size()));
  for (const ses::StoredResponse& stored : session.responses()) {
    const size_t index = IndexOf(state, stored.item_id());
    if (index < state.answers.size()) Adopt(state, index, stored);
  }
  state.session_state = session.state();
  state.deadline_version = session.deadline_version();
  state.remaining = ToDuration(session.remaining());
  state.deadline = now + state.remaining;
  // Go on where the answers end.
  for (size_t i = 0; i < state.answers.size() && !session.responses().empty(); ++i) {
    if (IsAnswered(state, i)) continue;
    state.current = i;
    break;
  }
  if (session.items().empty()) End(state, "The session has no questions; ask the operator.");
  return state;
}

Outbox Take(State& state, const News& news, Duration now) {
  Outbox out;
  if (state.view == View::kEnded || state.view == View::kReport) return out;
  state.offline = std::holds_alternative<Offline>(news);
  std::visit(
      [&](const auto& item) {
        using T = std::decay_t<decltype(item)>;
        if constexpr (std::is_same_v<T, Saved>) OnSaved(state, item, now);
        if constexpr (std::is_same_v<T, Refused>) OnRefused(state, item, out);
        if constexpr (std::is_same_v<T, Update>) OnUpdate(state, item, now, out);
        if constexpr (std::is_same_v<T, Submitted>) OnSubmitted(state, item.response, out);
        if constexpr (std::is_same_v<T, Report>) {
          state.report = item.report;
          state.view = View::kReport;
          state.scroll = 0;
        }
      },
      news);
  return out;
}

Outbox Tick(State& state, Duration now) {
  Outbox out;
  if (state.sealed || !ClockRuns(state) || now < state.deadline) return out;
  if (state.time_up && now < state.next_refresh) return out;
  // Only the server ends a session for time: this asks whether it has.
  state.time_up = true;
  state.next_refresh = now + kAskForSeal;
  out.refresh = true;
  return out;
}

Duration TimeLeft(const State& state, Duration now) {
  if (state.sealed) return Duration(0);
  if (!ClockRuns(state)) return state.remaining;
  return std::max(Duration(0), state.deadline - now);
}

bool ClockRuns(const State& state) {
  return state.session_state == ses::SESSION_STATE_ACTIVE ||
         state.session_state == ses::SESSION_STATE_UNSPECIFIED;
}

bool IsAnswered(const State& state, size_t index) {
  const size_t wanted = state.session.items(static_cast<int>(index)).select_count();
  return state.answers[index].selected.size() >= std::max<size_t>(wanted, 1);
}

size_t AnsweredCount(const State& state) {
  size_t count = 0;
  for (size_t i = 0; i < state.answers.size(); ++i) count += IsAnswered(state, i) ? 1 : 0;
  return count;
}

size_t FlaggedCount(const State& state) {
  return static_cast<size_t>(std::count_if(state.answers.begin(), state.answers.end(),
                                           [](const Answer& a) { return a.flagged; }));
}

size_t UnsavedCount(const State& state) {
  return static_cast<size_t>(std::count_if(state.answers.begin(), state.answers.end(),
                                           [](const Answer& a) { return a.unsaved(); }));
}

bool IsSealed(ses::SessionState state) {
  switch (state) {
    case ses::SESSION_STATE_SUBMITTED:
    case ses::SESSION_STATE_EXPIRED:
    case ses::SESSION_STATE_TERMINATED:
    case ses::SESSION_STATE_SCORED:
    case ses::SESSION_STATE_RELEASED:
    case ses::SESSION_STATE_VOIDED:
      return true;
    default:
      return false;
  }
}

}  // namespace invigil::cli::take
