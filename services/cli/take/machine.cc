#include "services/cli/take/machine.h"

#include <algorithm>

#include "services/cli/take/machine_keys.h"
#include "services/cli/take/machine_news.h"
#include "services/cli/take/machine_notices.h"
#include "services/cli/take/machine_parts.h"

namespace invigil::cli::take {
namespace {

using Kind = Key::Kind;
using session::v1::DisplayedItem;

const DisplayedItem& Item(const State& state, size_t index) {
  return state.session.items(static_cast<int>(index));
}

constexpr char kOnlyForward[] =
    "This section only goes forward: what you have left is locked. N goes on.";

void GoToItem(State& state, size_t index) {
  const Range range = SectionItems(state);
  state.current = std::clamp(index, range.begin, range.end - 1);
  state.answers[state.current].seen = true;
  Show(state, View::kQuestion);
}

// Ends the section, or with the last part the exam, after a question.
void AskEnd(State& state) {
  Ask(state, IsLastPart(state) ? View::kConfirmSubmit : View::kConfirmPart);
}

void Toggle(State& state, size_t option, Outbox& out) {
  const DisplayedItem& item = Item(state, state.current);
  Answer& answer = state.answers[state.current];
  if (!ClockRuns(state)) {
    state.message = "The clock stands still: answers can be changed when the exam goes on.";
    return;
  }
  if (answer.locked) {
    state.message = "This question is locked: it can be read, not answered.";
    return;
  }
  const std::string& id = item.options(static_cast<int>(option)).option_id();
  const auto found = std::find(answer.selected.begin(), answer.selected.end(), id);
  const bool chosen = found != answer.selected.end(), several = item.select_count() > 1;
  if (!chosen && several && answer.selected.size() >= item.select_count()) {
    state.message = "Choose only " + std::to_string(item.select_count()) +
                    ": press the letter of a chosen one first to take it back.";
    return;
  }
  if (ChangeIsRefused(state, option)) return;
  if (chosen) {
    answer.selected.erase(found);
  } else if (!several) {
    answer.selected = {id};
  } else {
    answer.selected.insert(std::upper_bound(answer.selected.begin(), answer.selected.end(), id),
                           id);
  }
  // Where changes are counted, half a choice is not given: its other half would be a change.
  const bool half = !answer.selected.empty() && answer.selected.size() < item.select_count();
  answer.held_back = half && ChangesLeft(state).has_value();
  if (!answer.held_back) return Give(state, state.current, out);
  state.message = "Not given yet: choose " +
                  std::to_string(item.select_count() - answer.selected.size()) + " more.";
}

// A..E and 1..9 choose; F chooses only in capitals, because f flags.
std::optional<size_t> OptionOf(const State& state, char c) {
  size_t option;
  if (c >= '1' && c <= '9') {
    option = static_cast<size_t>(c - '1');
  } else if (c == 'F' || (Lower(c) >= 'a' && Lower(c) <= 'e')) {
    option = static_cast<size_t>(Lower(c) - 'a');
  } else {
    return std::nullopt;
  }
  const auto count = static_cast<size_t>(Item(state, state.current).options_size());
  if (option >= count) return std::nullopt;
  return option;
}

void OpenReview(State& state) {
  Show(state, View::kReview);
  state.filter = ReviewFilter::kAll;
  state.review_cursor = state.current - SectionItems(state).begin;
}

// Keys that mean the same on the question and on the review.
bool PressCommon(State& state, char c) {
  switch (c) {
    case 'g':
      if (ForwardOnly(state)) {
        state.message = kOnlyForward;
        return true;
      }
      state.goto_digits.clear();
      Ask(state, View::kGoTo);
      return true;
    case 's':
      AskEnd(state);
      return true;
    case 't':
      if (MayTakeBreak(state)) {
        Ask(state, View::kConfirmBreak);
      } else {
        state.message = "This exam has no breaks of your own.";
      }
      return true;
    case 'q':
      Ask(state, View::kConfirmLeave);
      return true;
    case 'h':
    case '?':
      Ask(state, View::kHelp);
      return true;
    default:
      return false;
  }
}

// To the next question, or to the end of the section.
void GoOn(State& state, Outbox& out) {
  const bool last = state.current + 1 >= SectionItems(state).end;
  if (!ForwardOnly(state)) return last ? OpenReview(state) : GoToItem(state, state.current + 1);
  if (last) return AskEnd(state);
  const bool passed_over =
      !IsAnswered(state, state.current) && !state.answers[state.current].locked;
  if (passed_over) return Ask(state, View::kConfirmNext);
  StepForward(state, out);
}

void PressQuestion(State& state, const Key& key, Outbox& out) {
  const Range range = SectionItems(state);
  if (key.kind == Kind::kCharacter) {
    if (const auto option = OptionOf(state, key.character)) return Toggle(state, *option, out);
  }
  state.change_offered.reset();
  GiveHeldBack(state, out);
  const char c = key.kind == Kind::kCharacter ? Lower(key.character) : '\0';
  const bool elsewhere = c == 'p' || c == 'r' || key.kind == Kind::kLeft ||
                         key.kind == Kind::kHome || key.kind == Kind::kEnd;
  if (elsewhere && ForwardOnly(state)) {
    state.message = kOnlyForward;
    return;
  }
  switch (key.kind) {
    case Kind::kLeft:
      return GoToItem(state, state.current > 0 ? state.current - 1 : 0);
    case Kind::kRight:
    case Kind::kEnter:
      return GoOn(state, out);
    case Kind::kHome:
      return GoToItem(state, range.begin);
    case Kind::kEnd:
      return GoToItem(state, range.end - 1);
    case Kind::kCharacter:
      break;
    default:
      return Scroll(state, key);
  }
  if (PressCommon(state, c)) return;
  if (c == 'n') return GoOn(state, out);
  if (c == 'p') return PressQuestion(state, {Kind::kLeft}, out);
  if (c == 'r') return OpenReview(state);
  if (c == 'f') return ToggleFlag(state, out);
  if (c == ' ') return Scroll(state, key);
  state.message = "That key does nothing here; press ? for help.";
}

void PressReview(State& state, const Key& key) {
  const std::vector<size_t> items = ReviewItems(state);
  const size_t last = items.empty() ? 0 : items.size() - 1;
  const auto page = static_cast<size_t>(std::max(state.page, 1));
  size_t& cursor = state.review_cursor;
  const auto filter = [&](ReviewFilter wanted) {
    state.filter = wanted;
    cursor = 0;
  };
  switch (key.kind) {
    case Kind::kUp:
    case Kind::kLeft:
      cursor -= cursor > 0 ? 1 : 0;
      return;
    case Kind::kDown:
    case Kind::kRight:
      cursor = std::min(cursor + 1, last);
      return;
    case Kind::kPageUp:
      cursor -= std::min(cursor, page);
      return;
    case Kind::kPageDown:
      cursor = std::min(cursor + page, last);
      return;
    case Kind::kHome:
      cursor = 0;
      return;
    case Kind::kEnd:
      cursor = last;
      return;
    case Kind::kEnter:
      if (!items.empty()) GoToItem(state, items[std::min(cursor, last)]);
      return;
    case Kind::kEscape:
      return Show(state, View::kQuestion);
    case Kind::kCharacter:
      break;
    default:
      return;
  }
  const char c = Lower(key.character);
  if (PressCommon(state, c)) return;
  if (c == 'a') return filter(ReviewFilter::kAll);
  if (c == 'u') return filter(ReviewFilter::kUnanswered);
  if (c == 'f') return filter(ReviewFilter::kFlagged);
  if (c == 'r') return Show(state, View::kQuestion);
  if (c == 'n') return PressReview(state, {Kind::kDown});
  if (c == 'p') return PressReview(state, {Kind::kUp});
}

void PressGoTo(State& state, const Key& key) {
  if (key.kind == Kind::kEscape) return Show(state, state.back);
  if (key.kind == Kind::kBackspace && !state.goto_digits.empty()) state.goto_digits.pop_back();
  if (key.kind == Kind::kCharacter && key.character >= '0' && key.character <= '9' &&
      state.goto_digits.size() < 4) {
    state.goto_digits += key.character;
  }
  if (key.kind != Kind::kEnter) return;
  const size_t number = state.goto_digits.empty() ? 0 : std::stoul(state.goto_digits);
  const Range range = SectionItems(state);
  if (number >= 1 && number <= ItemCount(state)) return GoToItem(state, range.begin + number - 1);
  state.message = "There are questions 1 to " + std::to_string(ItemCount(state)) + ".";
  state.goto_digits.clear();
}

void PressConfirm(State& state, const Key& key, Outbox& out) {
  const char c = key.kind == Kind::kCharacter ? Lower(key.character) : '\0';
  if (key.kind == Kind::kEscape || c == 'n') return Show(state, state.back);
  switch (state.view) {
    case View::kConfirmLeave:
      out.leave = c == 'y';
      return;
    case View::kConfirmSubmit:
      if (c == 'r' && InSection(state) && !ForwardOnly(state)) return OpenReview(state);
      if (c == 'y') Submit(state, out);
      return;
    case View::kConfirmPart:
      if (c == 'r' && !ForwardOnly(state)) return OpenReview(state);
      if (c == 'y') LeaveCurrentPart(state, false, out);
      return;
    case View::kConfirmDecline:
      if (c == 'y') Decline(state, out);
      return;
    case View::kConfirmBreak:
      if (c == 'y' && state.session.breaks_allowed()) TakeOwnBreak(state, false, out);
      if (c == 'p' && state.session.break_pool_remaining().seconds() > 0) {
        TakeOwnBreak(state, true, out);
      }
      return;
    default:  // View::kConfirmNext
      if (c == 'y') StepForward(state, out);
  }
}

}  // namespace

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

void Show(State& state, View view) {
  state.view = view;
  state.scroll = 0;
}

void Ask(State& state, View question) {
  state.back = state.view;
  Show(state, question);
}

void Scroll(State& state, const Key& key) {
  if (key.kind == Kind::kUp) state.scroll -= 1;
  if (key.kind == Kind::kDown) state.scroll += 1;
  if (key.kind == Kind::kPageUp) state.scroll -= state.page;
  if (key.kind == Kind::kPageDown || (key.kind == Kind::kCharacter && key.character == ' ')) {
    state.scroll += state.page;
  }
  state.scroll = std::max(state.scroll, 0);
}

Outbox Press(State& state, const Key& key, Duration now) {
  Outbox out;
  state.message = state.view == View::kEnded ? state.message : "";
  if (key.kind == Kind::kInterrupt) {
    const bool open = !state.sealed && state.view != View::kEnded;
    if (!open || state.view == View::kConfirmLeave || state.view == View::kClosing ||
        state.view == View::kMoving) {
      out.leave = true;
    } else {
      Ask(state, View::kConfirmLeave);
    }
    return out;
  }
  if (ShowsNotice(state)) {
    PressNotice(state, key, out);
    return out;
  }
  switch (state.view) {
    case View::kQuestion:
      PressQuestion(state, key, out);
      break;
    case View::kReview:
      PressReview(state, key);
      break;
    case View::kGoTo:
      PressGoTo(state, key);
      break;
    case View::kConfirmSubmit:
    case View::kConfirmLeave:
    case View::kConfirmPart:
    case View::kConfirmDecline:
    case View::kConfirmBreak:
    case View::kConfirmNext:
      PressConfirm(state, key, out);
      break;
    case View::kReading:
      PressReading(state, key, out);
      break;
    case View::kBreak:
      PressBreak(state, key, out);
      break;
    case View::kHelp:
      Show(state, state.back);
      break;
    case View::kClosing:
    case View::kMoving:
      out.leave = key.kind == Kind::kCharacter && Lower(key.character) == 'q';
      break;
    case View::kReport:
      out.leave = key.kind == Kind::kCharacter && Lower(key.character) == 'q';
      Scroll(state, key);
      break;
    case View::kEnded:
      out.leave = true;
      break;
  }
  return out;
}

std::vector<size_t> ReviewItems(const State& state) {
  std::vector<size_t> items;
  const Range range = SectionItems(state);
  for (size_t i = range.begin; i < range.end; ++i) {
    if (state.filter == ReviewFilter::kUnanswered && IsAnswered(state, i)) continue;
    if (state.filter == ReviewFilter::kFlagged && !state.answers[i].flagged) continue;
    items.push_back(i);
  }
  return items;
}

}  // namespace invigil::cli::take
