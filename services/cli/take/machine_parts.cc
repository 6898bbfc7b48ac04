#include "services/cli/take/machine_parts.h"

#include <algorithm>
#include <utility>

#include "services/cli/take/machine_keys.h"
#include "services/cli/take/machine_news.h"

namespace invigil::cli::take {
namespace {

namespace ses = session::v1;

const std::string& ItemId(const State& state, size_t index) {
  return state.session.items(static_cast<int>(index)).item_id();
}

// How many changes of given answers the server has not counted yet.
uint32_t PendingChanges(const Answer& answer) {
  uint32_t changes = 0;
  const std::vector<std::string>* before = &answer.saved;
  for (const auto& [sequence, value] : answer.on_the_way) {
    changes += !before->empty() && value != *before ? 1 : 0;
    before = &value;
  }
  if (answer.held_back && !before->empty()) ++changes;
  return changes;
}

// Where one goes on in the section: where the answers end, or what is not locked begins.
size_t PlaceToGoOn(const State& state) {
  const Range range = SectionItems(state);
  if (ForwardOnly(state)) {
    size_t place = range.begin;
    while (place + 1 < range.end && state.answers[place].locked) ++place;
    return place;
  }
  bool begun = false;
  for (size_t i = range.begin; i < range.end; ++i) begun |= state.answers[i].sequence > 0;
  for (size_t i = range.begin; i < range.end && begun; ++i) {
    if (!IsAnswered(state, i)) return i;
  }
  return range.begin;
}

}  // namespace

const std::vector<std::string>& Given(const Answer& answer) {
  return answer.on_the_way.empty() ? answer.saved : answer.on_the_way.rbegin()->second;
}

void ShowPart(State& state) {
  const ses::Part* part = CurrentPart(state);
  state.scroll = 0;
  state.goto_digits.clear();
  state.change_offered.reset();
  if (state.break_kind != ses::BREAK_KIND_UNSPECIFIED ||
      (part != nullptr && part->kind() == ses::PART_KIND_BREAK)) {
    state.view = View::kBreak;
    return;
  }
  if (!InSection(state)) {
    state.view = View::kReading;
    return;
  }
  state.view = View::kQuestion;
  const Range range = SectionItems(state);
  if (range.begin == range.end)
    return End(state, "The session has no questions; ask the operator.");
  const bool here = state.current >= range.begin && state.current < range.end;
  const bool stays = here && state.answers[state.current].seen && !ForwardOnly(state);
  if (!stays) state.current = PlaceToGoOn(state);
  state.answers[state.current].seen = true;
}

void AskMove(State& state, Outbox& out) {
  ++state.move_attempts;
  if (state.moving->kind != Move::Kind::kEndBreak) state.moving->seen = SeenItems(state);
  state.view = View::kMoving;
  state.scroll = 0;
  out.move = state.moving;
}

void LeaveCurrentPart(State& state, bool accept, Outbox& out) {
  if (IsLastPart(state) && !accept) return Submit(state, out);
  state.moving = Move{.part = state.session.current_part(), .accept = accept};
  state.move_attempts = 0;
  AskMove(state, out);
}

void Decline(State& state, Outbox& out) {
  state.moving = Move{.part = state.session.current_part()};
  state.move_attempts = 0;
  AskMove(state, out);
}

void TakeOwnBreak(State& state, bool pooled, Outbox& out) {
  Move move{.kind = Move::Kind::kTakeBreak,
            .break_number = state.session.break_count() + 1,
            .pooled = pooled};
  const Range range = SectionItems(state);
  for (size_t i = range.begin; i < range.end; ++i) {
    if (state.answers[i].seen) move.shown_items.push_back(ItemId(state, i));
  }
  state.moving = std::move(move);
  state.move_attempts = 0;
  AskMove(state, out);
}

void EndCurrentBreak(State& state, Outbox& out) {
  state.moving = Move{.kind = Move::Kind::kEndBreak, .break_number = state.session.break_count()};
  state.move_attempts = 0;
  AskMove(state, out);
}

void GiveUpMove(State& state, std::string message, Outbox& out) {
  state.moving.reset();
  ShowPart(state);
  state.message = std::move(message);
  out.reload = true;
}

void StepForward(State& state, Outbox& out) {
  const Range range = SectionItems(state);
  if (state.current + 1 >= range.end) return;
  state.answers[state.current].locked = true;
  Progress progress;
  for (size_t i = range.begin; i <= state.current; ++i) {
    const Answer& answer = state.answers[i];
    if (answer.sequence == 0 || (!answer.unsaved() && i != state.current)) continue;
    ses::ItemSequence& pair = progress.seen.emplace_back();
    pair.set_item_id(ItemId(state, i));
    pair.set_sequence(answer.sequence);
  }
  ++state.current;
  state.answers[state.current].seen = true;
  Show(state, View::kQuestion);
  progress.shown_item = ItemId(state, state.current);
  state.shown = progress;
  state.shown_attempts = 0;
  out.progress = std::move(progress);
  TellMarks(state, out);
}

void ToggleFlag(State& state, Outbox& out) {
  Answer& answer = state.answers[state.current];
  answer.flagged = !answer.flagged;
  ++answer.mark_sequence;
  TellMarks(state, out);
}

void TellMarks(State& state, Outbox& out) {
  for (size_t i = 0; i < state.answers.size() && ClockRuns(state); ++i) {
    const Answer& answer = state.answers[i];
    if (answer.saved_mark_sequence >= answer.mark_sequence) continue;
    if (!out.progress) out.progress.emplace();
    ses::Mark& mark = out.progress->marks.emplace_back();
    mark.set_item_id(ItemId(state, i));
    mark.set_sequence(answer.mark_sequence);
    mark.set_flagged(answer.flagged);
  }
}

std::optional<uint32_t> ChangesLeft(const State& state) {
  const ses::Part* part = CurrentPart(state);
  if (part == nullptr || !part->has_edit_quota()) return std::nullopt;
  uint32_t used = state.edits_used;
  const Range range = SectionItems(state);
  for (size_t i = range.begin; i < range.end; ++i) used += PendingChanges(state.answers[i]);
  return part->edit_quota() - std::min(part->edit_quota(), used);
}

bool ChangeIsRefused(State& state, size_t option) {
  const auto left = ChangesLeft(state);
  const Answer& answer = state.answers[state.current];
  const auto offered = std::exchange(state.change_offered, std::nullopt);
  if (!left || Given(answer).empty() || answer.selected != Given(answer)) return false;
  if (*left == 0) {
    state.message = "No more given answers may be changed in this section.";
    return true;
  }
  if (offered == option) return false;
  state.change_offered = option;
  state.message = "Changing a given answer uses 1 of " + std::to_string(*left) +
                  (*left == 1 ? " change" : " changes") + " left: press the same key again.";
  return true;
}

void GiveHeldBack(State& state, Outbox& out) {
  for (size_t i = 0; i < state.answers.size(); ++i) {
    if (state.answers[i].held_back) Give(state, i, out);
  }
}

void PressReading(State& state, const Key& key, Outbox& out) {
  const ses::Part* part = CurrentPart(state);
  const bool agreement = part != nullptr && part->kind() == ses::PART_KIND_AGREEMENT;
  const char c = key.kind == Key::Kind::kCharacter ? Lower(key.character) : '\0';
  const bool goes_on = agreement ? c == 'a' : key.kind == Key::Kind::kEnter || c == 'n';
  if (c == 'q') return Ask(state, View::kConfirmLeave);
  if (c == 'h' || c == '?') return Ask(state, View::kHelp);
  if ((goes_on || (agreement && c == 'd')) && !ClockRuns(state)) {
    state.message = "The clock stands still: wait until the exam goes on.";
    return;
  }
  if (goes_on) return LeaveCurrentPart(state, agreement, out);
  if (agreement && c == 'd') return Ask(state, View::kConfirmDecline);
  Scroll(state, key);
}

void PressBreak(State& state, const Key& key, Outbox& out) {
  const char c = key.kind == Key::Kind::kCharacter ? Lower(key.character) : '\0';
  if (c == 'q') return Ask(state, View::kConfirmLeave);
  if (c == 'h' || c == '?') return Ask(state, View::kHelp);
  if (c != 'e') return Scroll(state, key);
  if (state.session_state == ses::SESSION_STATE_PAUSED) {
    state.message = "The clock stands still: wait until the exam goes on.";
    return;
  }
  EndCurrentBreak(state, out);
}

const ses::Part* CurrentPart(const State& state) {
  const auto index = static_cast<int>(state.session.current_part());
  return index < state.session.parts_size() ? &state.session.parts(index) : nullptr;
}

Range SectionItems(const State& state) {
  const ses::Part* part = CurrentPart(state);
  if (part == nullptr) return {0, state.answers.size()};
  if (part->kind() != ses::PART_KIND_SECTION || part->first_position() == 0) return {};
  const size_t begin = std::min<size_t>(part->first_position() - 1, state.answers.size());
  return {begin, std::min<size_t>(begin + part->item_count(), state.answers.size())};
}

bool InSection(const State& state) {
  const ses::Part* part = CurrentPart(state);
  return part == nullptr || part->kind() == ses::PART_KIND_SECTION;
}

bool HasParts(const State& state) { return state.session.parts_size() > 1; }

bool IsLastPart(const State& state) {
  return static_cast<int>(state.session.current_part()) + 1 >= state.session.parts_size();
}

bool ForwardOnly(const State& state) {
  const ses::Part* part = CurrentPart(state);
  return part != nullptr && part->navigation() == ses::NAVIGATION_FORWARD_ONLY;
}

}  // namespace invigil::cli::take
