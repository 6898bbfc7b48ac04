#include "services/cli/take/draw.h"

#include <algorithm>
#include <string>
#include <vector>

#include "services/cli/core/text.h"
#include "services/cli/report/report_text.h"
#include "services/cli/take/draw_lines.h"

namespace invigil::cli::take {
namespace {

constexpr int kTopRows = 3, kBottomRows = 2;
constexpr Size kSmallest{10, 40};
constexpr Duration kTimeWarning = Minutes(5);
// In breaks and outside sections.
constexpr Duration kGoesOnWarning = Minutes(1);

Lines QuestionLines(const State& state, size_t width) {
  const auto& item = state.session.items(static_cast<int>(state.current));
  const Answer& answer = state.answers[state.current];
  const bool several = item.select_count() > 1;
  Lines lines;
  Add(lines, item.stem(), width - 2);
  lines.push_back({});
  Add(lines,
      several ? "Choose " + std::to_string(item.select_count()) + " of " +
                    std::to_string(item.options_size()) + ":"
              : "Choose one:",
      width - 2, 2, Style::kDim);
  lines.push_back({});
  if (answer.locked) {
    Add(lines, "Locked: it can be read, not answered.", width - 2, 2, Style::kWarning);
    lines.push_back({});
  }
  for (int i = 0; i < item.options_size(); ++i) {
    const auto& option = item.options(i);
    const bool chosen = std::find(answer.selected.begin(), answer.selected.end(),
                                  option.option_id()) != answer.selected.end();
    const std::string mark = several ? (chosen ? "[x]" : "[ ]") : (chosen ? "(*)" : "( )");
    const std::string letter(1, static_cast<char>('A' + i));
    std::string head = "  ";
    head.append(mark).append(" ").append(letter).append("  ");
    const auto wrapped = Wrap(Printable(option.text()), width > 12 ? width - 12 : 1);
    for (size_t w = 0; w < wrapped.size(); ++w) {
      lines.push_back({(w == 0 ? head : std::string(head.size(), ' ')) + wrapped[w],
                       chosen ? Style::kBold : Style::kPlain});
    }
  }
  if (item.options_size() > 5) {
    lines.push_back({});
    Add(lines, "F as a small letter flags: choose option F with Shift-F or 6.", width - 2, 2,
        Style::kDim);
  }
  return lines;
}

Lines ReviewLines(State& state, size_t width) {
  Lines lines;
  const std::vector<size_t> items = ReviewItems(state);
  if (items.empty()) {
    Add(lines,
        state.filter == ReviewFilter::kFlagged ? "No question is flagged."
                                               : "Every question is answered.",
        width);
    return lines;
  }
  state.review_cursor = std::min(state.review_cursor, items.size() - 1);
  const size_t first = SectionItems(state).begin;
  for (size_t row = 0; row < items.size(); ++row) {
    const size_t i = items[row];
    const Answer& answer = state.answers[i];
    std::string chosen;
    for (const std::string& id : answer.selected) chosen += (chosen.empty() ? "" : " ") + id;
    if (chosen.empty()) chosen = "unanswered";
    if (!IsAnswered(state, i) && !answer.selected.empty()) {
      chosen += ", " + std::to_string(answer.selected.size()) + " of " +
                std::to_string(state.session.items(static_cast<int>(i)).select_count());
    }
    const std::string text = (row == state.review_cursor ? "> " : "  ") +
                             PadLeft(std::to_string(i + 1 - first), 3) + "  " +
                             PadRight(chosen, 11) + "  " +
                             (answer.flagged  ? "flag  "
                              : answer.locked ? "lock  "
                                              : "      ");
    std::string stem = Printable(state.session.items(static_cast<int>(i)).stem());
    std::replace(stem.begin(), stem.end(), '\n', ' ');
    Line line{PadRight(text + Shorten(stem, width > text.size() ? width - text.size() : 1), width)};
    if (row == state.review_cursor) {
      line.style = Style::kReverse;
    } else if (!IsAnswered(state, i)) {
      line.style = Style::kWarning;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

Lines ConfirmSubmitLines(const State& state, size_t width) {
  Lines lines;
  const size_t unanswered = ItemCount(state) - AnsweredCount(state);
  lines.push_back({});
  Add(lines, "Submit the exam?", width, 2, Style::kBold);
  lines.push_back({});
  if (!InSection(state)) {
    Add(lines, "Every section is over.", width);
  } else if (unanswered > 0) {
    Add(lines,
        Count(unanswered, "question") + (unanswered == 1 ? " is" : " are") +
            " unanswered, or short of a choice, and will count as wrong.",
        width, 2, Style::kWarning);
  } else {
    Add(lines, "Every question is answered.", width);
  }
  if (FlaggedCount(state) > 0) {
    Add(lines,
        Count(FlaggedCount(state), "question") + (FlaggedCount(state) == 1 ? " is" : " are") +
            " still flagged.",
        width, 2, Style::kWarning);
  }
  lines.push_back({});
  Add(lines, "After this nothing can be changed.", width);
  lines.push_back({});
  Add(lines,
      ForwardOnly(state) ? "Y submits, N goes back." : "Y submits, R reviews first, N goes back.",
      width, 2, Style::kBold);
  return lines;
}

Lines ConfirmLeaveLines(const State& state, size_t width) {
  Lines lines;
  lines.push_back({});
  Add(lines, "Leave without submitting?", width, 2, Style::kBold);
  lines.push_back({});
  Add(lines,
      std::string("The clock goes on. Run the same command again to go on where you are, with your "
                  "answers and flags; ") +
          (HasParts(state) ? "a part whose time is up goes on to the next by itself, and after the "
                             "last the server seals and scores what is saved."
                           : "at the deadline the server seals and scores what is saved."),
      width - 2);
  if (const size_t unsaved = UnsavedCount(state); unsaved > 0) {
    lines.push_back({});
    Add(lines,
        Count(unsaved, "answer") + (unsaved == 1 ? " is" : " are") +
            " not saved yet. Leaving tries once more, for a few seconds.",
        width - 2, 2, Style::kWarning);
  }
  lines.push_back({});
  Add(lines, "Y leaves, N goes back.", width, 2, Style::kBold);
  return lines;
}

Lines HelpLines() {
  Lines lines;
  for (const char* line : {
           "A to F, 1 to 9    choose an option, again to take it back (F: in capitals)",
           "N, Right, Enter   next question",
           "P, Left           previous question",
           "Home, End         first, last question",
           "Up, Down          scroll; also PgUp, PgDn and Space",
           "f                 flag the question for later",
           "G                 go to a question by its number",
           "R                 review: all, unanswered or flagged questions",
           "S                 submit, or leave the section, after a question",
           "T                 take a break of your own, in exams that have them",
           "Q                 leave without submitting; the clock goes on",
           "",
           "Every answer is saved at once. The top right says whether the server has it;",
           "when it is away, answers wait here and are sent as soon as it is back.",
           "",
           "Any key goes back.",
       }) {
    lines.push_back({"  " + std::string(line)});
  }
  return lines;
}

std::string SealWords(const State& state) {
  switch (state.session_state) {
    case session::v1::SESSION_STATE_EXPIRED:
      return "Time is up: the server sealed the session at its deadline.";
    case session::v1::SESSION_STATE_SUBMITTED:
      return "The session is submitted.";
    case session::v1::SESSION_STATE_TERMINATED:
      if (state.session.items().empty()) {
        return "The session has ended: the agreement was not accepted.";
      }
      return "A proctor has ended the session.";
    case session::v1::SESSION_STATE_VOIDED:
      return "The session was declared void: it does not count.";
    default:
      if (state.submit_attempts > 0) return "The session is submitted.";
      return state.time_up ? "Time is up: the server sealed the session at its deadline."
                           : "The session has ended.";
  }
}

Lines ClosingLines(const State& state, size_t width) {
  Lines lines;
  lines.push_back({});
  if (state.sealed) {
    Add(lines, SealWords(state), width - 2, 2, Style::kBold);
    lines.push_back({});
    Add(lines,
        state.offline ? "The suite can't be reached for the report; trying again."
                      : "Waiting for the score report.",
        width - 2);
  } else {
    Add(lines,
        state.offline ? "The suite can't be reached; your submission is tried again."
                      : "Submitting.",
        width - 2, 2, Style::kBold);
    lines.push_back({});
    Add(lines,
        "Until it succeeds the clock runs, and at the deadline the server seals what is "
        "saved.",
        width - 2);
  }
  lines.push_back({});
  Add(lines, "Q leaves (\"invigil report " + state.session.session_id() + "\" shows the result)",
      width - 2, 2, Style::kDim);
  return lines;
}

Lines ReportLines(const State& state, size_t width) {
  Lines lines;
  Add(lines, SealWords(state), width - 2, 2, Style::kBold);
  if (state.receipt_differs) {
    Add(lines,
        "What the server sealed differs from what this screen showed; keep the session's "
        "number and tell the operator.",
        width - 2, 2, Style::kBad);
  }
  lines.push_back({});
  const std::string page = ReportText(*state.report, std::min<size_t>(width, 80));
  for (size_t at = 0; at < page.size();) {
    const size_t end = page.find('\n', at);
    lines.push_back({page.substr(at, end - at)});
    at = end + 1;
  }
  return lines;
}

Lines Body(State& state, size_t width) {
  if (ShowsNotice(state)) return NoticeLines(state, width);
  switch (state.view) {
    case View::kQuestion:
    case View::kGoTo:
      return QuestionLines(state, width);
    case View::kReview:
      return ReviewLines(state, width);
    case View::kConfirmSubmit:
      return ConfirmSubmitLines(state, width);
    case View::kConfirmLeave:
      return ConfirmLeaveLines(state, width);
    case View::kHelp:
      return HelpLines();
    case View::kClosing:
      return ClosingLines(state, width);
    case View::kReport:
      return ReportLines(state, width);
    case View::kReading:
      return ReadingLines(state, width);
    case View::kBreak:
      return BreakLines(state, width);
    case View::kMoving:
      return MovingLines(state, width);
    case View::kConfirmPart:
      return ConfirmPartLines(state, width);
    case View::kConfirmDecline:
      return ConfirmDeclineLines(width);
    case View::kConfirmBreak:
      return ConfirmBreakLines(state, width);
    case View::kConfirmNext:
      return ConfirmNextLines(state, width);
    case View::kEnded:
      break;
  }
  Lines lines;
  lines.push_back({});
  Add(lines, state.message, width - 2, 2, Style::kBold);
  lines.push_back({});
  Add(lines, "Any key leaves.", width);
  return lines;
}

Line SaveStatus(const State& state) {
  const size_t unsaved = UnsavedCount(state);
  if (state.offline) {
    if (unsaved == 0) return {"offline, will retry", Style::kBad};
    return {"offline, " + Count(unsaved, "answer") + " waiting, will retry", Style::kBad};
  }
  if (unsaved > 0) return {"saving", Style::kWarning};
  return {"saved", Style::kGood};
}

std::string QuestionHints(const State& state) {
  const auto& item = state.session.items(static_cast<int>(state.current));
  std::string choose = "A-";
  choose += static_cast<char>('A' + std::max(0, item.options_size() - 1));
  choose += " choose  ";
  if (ForwardOnly(state)) return choose + "N next  f flag  S end  Q leave  ? help";
  if (!IsLastPart(state)) {
    return choose + "N/P next/previous  f flag  G go to  R review  S end section  ?";
  }
  return choose + "N/P next/previous  f flag  G go to  R review  S submit  Q leave  ?";
}

std::string KeyHints(const State& state) {
  if (ShowsNotice(state)) return "Enter I have read it";
  const char* end = IsLastPart(state) ? "submit" : "end";
  switch (state.view) {
    case View::kQuestion:
      return QuestionHints(state);
    case View::kReview:
      return std::string("Enter open  A all  U unanswered  F flagged  R back  S ") + end +
             "  Q leave  ? help";
    case View::kGoTo:
      return "0-9 number  Enter go  Esc back";
    case View::kReport:
      return "Up/Down PgUp/PgDn scroll  Q leave";
    case View::kReading:
      return CurrentPart(state) != nullptr &&
                     CurrentPart(state)->kind() == session::v1::PART_KIND_AGREEMENT
                 ? "A accept  D decline  Up/Down scroll  Q leave  ? help"
                 : "Enter go on  Up/Down scroll  Q leave  ? help";
    case View::kBreak:
      return "E end the break  Q leave  ? help";
    default:
      return "";
  }
}

void DrawTop(const State& state, Screen& screen, Duration now) {
  const int width = screen.size().columns;
  screen.Fill(0, Style::kReverse);
  const Duration left = TimeLeft(state, now);
  std::string time = TimeLabel(state) + " " + ClockText(left.count()) + " ";
  if (state.sealed) time = "ended ";
  const auto room = static_cast<size_t>(std::max(0, width - static_cast<int>(time.size()) - 2));
  const std::string title =
      HasParts(state) && !state.sealed ? PartTitle(state) : state.session.title();
  screen.Put(0, 1, Shorten(Printable(state.session.exam_id() + "  " + title), room),
             Style::kReverse);
  const bool warn = CountsDown(state) && !state.sealed &&
                    left <= (ClockRuns(state) && InSection(state) ? kTimeWarning : kGoesOnWarning);
  screen.PutRight(0, time, warn ? Style::kBad : Style::kReverse);

  if (state.view == View::kReport || state.view == View::kEnded) return;
  const Line saved = SaveStatus(state);
  const int status_column = width - 1 - static_cast<int>(saved.text.size());
  if (!InSection(state) || state.view == View::kBreak || state.view == View::kMoving) {
    screen.Put(1, 1, Printable(state.session.title()), Style::kBold);
    screen.Put(1, status_column, saved.text, saved.style);
    return;
  }
  std::string where = "Question " + std::to_string(state.current + 1 - SectionItems(state).begin) +
                      " of " + std::to_string(ItemCount(state));
  if (state.view == View::kReview) {
    where = state.filter == ReviewFilter::kAll          ? "Review of all questions"
            : state.filter == ReviewFilter::kUnanswered ? "Unanswered questions"
                                                        : "Flagged questions";
  }
  int column = screen.Put(1, 1, where, Style::kBold);
  if (state.view != View::kReview && state.answers[state.current].flagged) {
    column = screen.Put(1, column + 2, "FLAGGED", Style::kWarning);
  }
  std::string counts = std::to_string(AnsweredCount(state)) + " answered, " +
                       std::to_string(FlaggedCount(state)) + " flagged";
  if (const auto changes = ChangesLeft(state)) {
    counts += ", " + Count(*changes, "change") + " left";
  }
  screen.Put(1, status_column, saved.text, saved.style);
  const int counts_column = status_column - 3 - static_cast<int>(counts.size());
  if (counts_column > column + 1) screen.Put(1, counts_column, counts, Style::kDim);
}

void DrawBottom(const State& state, Screen& screen, int hidden_below) {
  const auto [rows, columns] = screen.size();
  std::string rule(static_cast<size_t>(columns), '-');
  screen.Put(rows - 2, 0, rule, Style::kDim);
  if (state.view == View::kGoTo) {
    screen.Put(rows - 2, 1, " Go to question: " + state.goto_digits + "_ ", Style::kBold);
  } else if (!state.message.empty() && state.view != View::kEnded) {
    screen.Put(rows - 2, 1,
               " " + Shorten(Printable(state.message), static_cast<size_t>(columns - 4)) + " ",
               Style::kWarning);
  } else if (state.session_state == session::v1::SESSION_STATE_PAUSED && !state.sealed) {
    screen.Put(rows - 2, 1, " The staff have paused the exam: the clock stands still. ",
               Style::kBad);
  } else if (state.time_up && !state.sealed) {
    screen.Put(rows - 2, 1,
               HasParts(state) ? " Time is up: waiting for the server to go on. "
                               : " Time is up: waiting for the server to seal the session. ",
               Style::kBad);
  } else if (hidden_below > 0) {
    screen.PutRight(rows - 2, " " + std::to_string(hidden_below) + " more below (Down, PgDn) --",
                    Style::kWarning);
  }
  screen.Put(rows - 1, 1, KeyHints(state), Style::kDim);
}

}  // namespace

Screen Draw(State& state, Size size, Duration now) {
  Screen screen(size);
  if (size.rows < kSmallest.rows || size.columns < kSmallest.columns) {
    screen.Put(0, 0, "Make the window larger:");
    screen.Put(1, 0, "at least 40 x 10.");
    screen.Put(2, 0, "Time left " + ClockText(TimeLeft(state, now).count()));
    return screen;
  }
  DrawTop(state, screen, now);
  const Lines lines = Body(state, static_cast<size_t>(size.columns));
  const int room = size.rows - kTopRows - kBottomRows;
  const int count = static_cast<int>(lines.size());
  state.page = std::max(1, room - 1);
  if (state.view == View::kReview && !ReviewItems(state).empty()) {
    const int cursor = static_cast<int>(state.review_cursor);
    state.scroll = std::clamp(state.scroll, cursor - room + 1, cursor);
  }
  state.scroll = std::clamp(state.scroll, 0, std::max(0, count - room));
  for (int i = 0; i < room && state.scroll + i < count; ++i) {
    const Line& line = lines[static_cast<size_t>(state.scroll) + static_cast<size_t>(i)];
    screen.Put(kTopRows + i, 0, line.text, line.style);
  }
  DrawBottom(state, screen, count - room - state.scroll);
  return screen;
}

}  // namespace invigil::cli::take
