#include "services/cli/take/machine_news.h"

#include <algorithm>
#include <map>
#include <type_traits>
#include <utility>

#include "services/cli/take/machine_notices.h"
#include "services/cli/take/machine_parts.h"

namespace invigil::cli::take {
namespace {

namespace ses = session::v1;

constexpr int kAttempts = 3;
constexpr Duration kAskForSeal = Seconds(1);
// Before time is up what a candidate has chosen is given, complete or not.
constexpr Duration kLastGive = Seconds(5);
// What the server does with so little left is done by time.
constexpr Duration kAtTheEnd = Seconds(2);

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
  answer.saved = answer.selected;
  answer.on_the_way.clear();
  answer.held_back = false;
}

// The write of this sequence is stored.
void Keep(State& state, Answer& answer, uint32_t sequence) {
  answer.saved_sequence = std::max(answer.saved_sequence, sequence);
  const auto found = answer.on_the_way.find(sequence);
  if (found == answer.on_the_way.end()) return;
  if (!answer.saved.empty() && found->second != answer.saved) ++state.edits_used;
  answer.saved = std::move(found->second);
  answer.on_the_way.erase(answer.on_the_way.begin(), std::next(found));
}

bool IsOfSection(const State& state, size_t index) {
  const Range range = SectionItems(state);
  return index >= range.begin && index < range.end;
}

// As the screen numbers it: within the section; in the whole exam, if it is of another.
std::string Number(const State& state, size_t index) {
  return std::to_string(index + 1 - (IsOfSection(state, index) ? SectionItems(state).begin : 0));
}

// Writes without a reply: what was dropped while the clock stood still among them.
void GiveAgain(State& state, Outbox& out) {
  for (size_t i = 0; i < state.answers.size(); ++i) {
    if (state.answers[i].unsaved()) out.writes.push_back(WriteOf(state, i));
  }
  if (state.shown) out.progress = state.shown;
  TellMarks(state, out);
}

void Seal(State& state, Outbox& out) {
  if (state.sealed) return;
  const ses::Part* part = CurrentPart(state);
  if (state.moving && !state.moving->accept && part != nullptr &&
      part->kind() == ses::PART_KIND_AGREEMENT) {
    return End(state, "You declined the agreement: the session has ended.");
  }
  state.sealed = true;
  state.submitting = false;
  state.moving.reset();
  state.view = View::kClosing;
  state.scroll = 0;
  out.report = true;
}

void EndTakenOver(State& state) {
  End(state,
      "Another device has taken this session over. Nothing is lost: go on there, or run "
      "this command again with --take-over.");
}

void OnSaved(State& state, const Saved& saved, Duration now) {
  for (const ses::Ack& ack : saved.acks) {
    const size_t index = IndexOf(state, ack.item_id());
    if (index == state.answers.size()) continue;
    Answer& answer = state.answers[index];
    if (ack.status() == ses::ACK_STATUS_STORED) {
      Keep(state, answer, ack.sequence());
    } else if (ack.sequence() == answer.sequence) {
      Adopt(state, index, ack.stored());
      state.message = "Question " + Number(state, index) +
                      " was answered on another device: you see what the server holds.";
    }
  }
  SetTime(state, saved.remaining, saved.deadline_version, now);
}

void OnUpdate(State& state, const Update& update, Duration now, Outbox& out) {
  if (IsSealed(update.state)) {
    state.session_state = update.state;
    return Seal(state, out);
  }
  if (update.epoch > state.session.epoch()) return EndTakenOver(state);
  TakeMessages(state, update.messages);
  CountMessages(state, update.unconfirmed_messages, out);
  if (update.deadline_version < state.deadline_version) return;  // older than what is shown
  if (update.current_part != state.session.current_part() ||
      update.break_kind != state.break_kind) {
    out.reload = true;  // only the whole session says what is to be shown
    return;
  }
  const bool stood_still = !ClockRuns(state);
  TakeGranted(state, update.granted);
  if (update.state != ses::SESSION_STATE_UNSPECIFIED) {
    SayPause(state, update.state);
    state.session_state = update.state;
  }
  SetTime(state, update.remaining, update.deadline_version, now);
  if (stood_still && ClockRuns(state)) GiveAgain(state, out);
}

void OnLoaded(State& state, const Loaded& loaded, Duration now, Outbox& out) {
  const ses::Session& session = loaded.session;
  if (IsSealed(session.state())) {
    state.session_state = session.state();
    return Seal(state, out);
  }
  if (session.epoch() > state.session.epoch()) return EndTakenOver(state);
  if (session.deadline_version() < state.deadline_version) {
    out.reload = true;  // it was read before what is shown
    return;
  }
  const bool stood_still = !ClockRuns(state);
  const bool moved = session.current_part() != state.session.current_part() ||
                     session.break_kind() != state.break_kind;
  const bool by_time = TimeLeft(state, now) <= kAtTheEnd, asked = state.moving.has_value();
  if (session.current_part() != state.session.current_part()) state.shown.reset();
  TakeNotices(state, session, false);
  SayPause(state, session.state());
  const size_t lost = TakeUp(state, session);
  SetTime(state, ToDuration(session.remaining()), session.deadline_version(), now);
  state.time_up = false;
  if (moved || loaded.after_move) {
    state.moving.reset();
    state.submitting = false;
    ShowPart(state);
    if (moved && !asked) {
      state.message = by_time ? "Time was up: the exam has gone on by itself."
                              : "The exam was moved on, by the staff or on another device.";
    }
  }
  if (lost > 0) {
    state.message = std::to_string(lost) + (lost == 1 ? " answer" : " answers") +
                    " had not reached the suite when the part ended.";
  }
  if (stood_still && ClockRuns(state)) GiveAgain(state, out);
}

void OnRejected(State& state, const Rejected& rejected) {
  bool shown = false;
  for (const Rejected::Item& item : rejected.items) {
    const size_t index = IndexOf(state, item.stored.item_id());
    if (index == state.answers.size()) continue;
    Answer& answer = state.answers[index];
    if (rejected.reason == "ITEMS_LOCKED") answer.locked = true;
    if (answer.sequence != item.sequence) continue;
    Adopt(state, index, item.stored);
    if (!IsOfSection(state, index)) continue;
    shown = true;
    state.message =
        rejected.reason == "ITEMS_LOCKED"
            ? "Question " + Number(state, index) +
                  " can't be changed any more: you see what counts."
            : "No more given answers may be changed: you see what counts for question " +
                  Number(state, index) + ".";
  }
  if (!shown || (!state.submitting && !state.moving)) return;
  // What was to be ended is not what was shown: the candidate looks, and asks again.
  state.submitting = false;
  state.moving.reset();
  std::string message = std::move(state.message);
  ShowPart(state);
  state.message = std::move(message);
}

// The server lacks something it was to wait for: it gets all of the section, and is asked again.
bool AskAgain(State& state, Outbox& out) {
  int* attempts = state.submitting ? &state.submit_attempts
                  : state.moving   ? &state.move_attempts
                  : state.shown    ? &state.shown_attempts
                                   : nullptr;
  if (attempts == nullptr || *attempts >= kAttempts) return false;
  for (size_t i = 0; i < state.answers.size(); ++i) {
    Answer& answer = state.answers[i];
    if (answer.sequence == 0 || !IsOfSection(state, i)) continue;
    answer.saved_sequence = 0;
    out.writes.push_back(WriteOf(state, i));
  }
  if (state.submitting) {
    Submit(state, out);
  } else if (state.moving) {
    AskMove(state, out);
  } else {
    ++state.shown_attempts;
    out.progress = state.shown;
  }
  return true;
}

void OnRefused(State& state, const Refused& refused, Outbox& out) {
  if (refused.reason == "SESSION_SEALED" || refused.reason == "SESSION_NOT_ACTIVE") {
    out.refresh = true;  // the state says which seal it was, or that the clock stands still
    if (refused.reason == "SESSION_SEALED") return Seal(state, out);
    if (state.moving) return GiveUpMove(state, "The clock stands still: ask again later.", out);
    if (state.submitting) ShowPart(state);
    state.submitting = false;
    return;
  }
  if (refused.reason == "RESPONSES_MISSING") {
    if (AskAgain(state, out)) return;
    if (!state.submitting && !state.moving) return;
  }
  if (refused.reason == "EPOCH_STALE") {
    return End(state,
               "Another device has taken this session over. Nothing that was saved is lost: "
               "go on there, or run this command again with --take-over.");
  }
  if (state.moving) {
    return GiveUpMove(state, "That was refused: " + refused.message, out);
  }
  End(state, refused.message + " (" + refused.reason + ")");
}

void OnMarksSaved(State& state, const MarksSaved& saved) {
  state.shown.reset();
  for (const ses::Mark& mark : saved.marks) {
    const size_t index = IndexOf(state, mark.item_id());
    if (index == state.answers.size()) continue;
    uint32_t& sequence = state.answers[index].saved_mark_sequence;
    sequence = std::max(sequence, mark.sequence());
  }
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
  const std::vector<std::string>& given = Given(answer);
  write.set_cleared(given.empty());
  for (const std::string& id : given) write.add_option_ids(id);
  return write;
}

void Give(State& state, size_t index, Outbox& out) {
  Answer& answer = state.answers[index];
  answer.held_back = false;
  ++answer.sequence;
  answer.on_the_way[answer.sequence] = answer.selected;
  out.writes.push_back(WriteOf(state, index));
}

void End(State& state, std::string message) {
  state.view = View::kEnded;
  state.message = std::move(message);
}

size_t TakeUp(State& state, const ses::Session& session) {
  std::map<std::string, Answer> known;
  for (size_t i = 0; i < state.answers.size(); ++i) {
    known[state.session.items(static_cast<int>(i)).item_id()] = std::move(state.answers[i]);
  }
  state.session = session;
  state.answers.assign(static_cast<size_t>(session.items_size()), {});
  for (size_t i = 0; i < state.answers.size(); ++i) {
    const auto found = known.find(session.items(static_cast<int>(i)).item_id());
    if (found != known.end()) state.answers[i] = std::move(found->second);
    state.answers[i].locked = !IsOfSection(state, i);
  }
  for (const std::string& item_id : session.locked_item_ids()) {
    const size_t index = IndexOf(state, item_id);
    if (index < state.answers.size()) state.answers[index].locked = true;
  }
  std::vector<ses::StoredResponse> stored(state.answers.size());
  for (const ses::StoredResponse& response : session.responses()) {
    const size_t index = IndexOf(state, response.item_id());
    if (index < state.answers.size()) stored[index] = response;
  }
  size_t lost = 0;
  for (size_t i = 0; i < state.answers.size(); ++i) {
    Answer& answer = state.answers[i];
    // Newer here: on its way, unless it can't arrive any more.
    const bool newer = answer.held_back || stored[i].sequence() < answer.sequence;
    if (newer && !answer.locked) continue;
    lost += newer ? 1 : 0;
    if (newer || stored[i].sequence() > 0) Adopt(state, i, stored[i]);
  }
  for (const ses::Mark& mark : session.marks()) {
    const size_t index = IndexOf(state, mark.item_id());
    if (index == state.answers.size()) continue;
    Answer& answer = state.answers[index];
    if (mark.sequence() < answer.mark_sequence) continue;
    answer.flagged = mark.flagged();
    answer.mark_sequence = answer.saved_mark_sequence = mark.sequence();
  }
  state.session_state = session.state();
  state.break_kind = session.break_kind();
  const ses::Part* part = CurrentPart(state);
  state.edits_used = part == nullptr ? 0 : part->edits_used();
  return lost;
}

std::vector<ses::ItemSequence> SeenItems(const State& state) {
  std::vector<ses::ItemSequence> seen;
  for (size_t i = 0; i < state.answers.size(); ++i) {
    if (state.answers[i].sequence == 0) continue;
    ses::ItemSequence& pair = seen.emplace_back();
    pair.set_item_id(state.session.items(static_cast<int>(i)).item_id());
    pair.set_sequence(state.answers[i].sequence);
  }
  return seen;
}

void Submit(State& state, Outbox& out) {
  state.submitting = true;
  ++state.submit_attempts;
  state.view = View::kClosing;
  state.scroll = 0;
  out.submit = SeenItems(state);
}

State Begin(const ses::Session& session, Duration now) {
  State state;
  TakeUp(state, session);
  state.deadline_version = session.deadline_version();
  state.remaining = ToDuration(session.remaining());
  state.deadline = now + state.remaining;
  TakeNotices(state, session, true);
  ShowPart(state);
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
        if constexpr (std::is_same_v<T, Rejected>) OnRejected(state, item);
        if constexpr (std::is_same_v<T, Update>) OnUpdate(state, item, now, out);
        if constexpr (std::is_same_v<T, Loaded>) OnLoaded(state, item, now, out);
        if constexpr (std::is_same_v<T, MarksSaved>) OnMarksSaved(state, item);
        if constexpr (std::is_same_v<T, Confirmed>) MessageConfirmed(state, item.message_id);
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
  if (state.sealed || !CountsDown(state)) return out;
  if (ClockRuns(state) && TimeLeft(state, now) <= kLastGive) GiveHeldBack(state, out);
  if (now < state.deadline) return out;
  if (state.time_up && now < state.next_refresh) return out;
  // Only the server ends a part or a session for time: this asks whether it has.
  state.time_up = true;
  state.next_refresh = now + kAskForSeal;
  out.refresh = true;
  return out;
}

Duration TimeLeft(const State& state, Duration now) {
  if (state.sealed) return Duration(0);
  if (!CountsDown(state)) return state.remaining;
  return std::max(Duration(0), state.deadline - now);
}

bool CountsDown(const State& state) {
  return ClockRuns(state) || state.session_state == ses::SESSION_STATE_ON_BREAK;
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
  const Range range = SectionItems(state);
  size_t count = 0;
  for (size_t i = range.begin; i < range.end; ++i) count += IsAnswered(state, i) ? 1 : 0;
  return count;
}

size_t FlaggedCount(const State& state) {
  const Range range = SectionItems(state);
  size_t count = 0;
  for (size_t i = range.begin; i < range.end; ++i) count += state.answers[i].flagged ? 1 : 0;
  return count;
}

size_t ItemCount(const State& state) {
  const Range range = SectionItems(state);
  return range.end - range.begin;
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
