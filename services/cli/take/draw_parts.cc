#include <algorithm>

#include "services/cli/core/text.h"
#include "services/cli/take/draw_lines.h"

namespace invigil::cli::take {
namespace {

namespace ses = session::v1;

constexpr long long kMicros = 1'000'000;

const ses::Part* NextPart(const State& state) {
  const auto next = static_cast<int>(state.session.current_part()) + 1;
  return next < state.session.parts_size() ? &state.session.parts(next) : nullptr;
}

std::string KindName(const ses::Part& part) {
  switch (part.kind()) {
    case ses::PART_KIND_SECTION:
      return "a section of questions";
    case ses::PART_KIND_BREAK:
      return "a break";
    case ses::PART_KIND_AGREEMENT:
      return "an agreement";
    case ses::PART_KIND_TUTORIAL:
      return "a tutorial";
    case ses::PART_KIND_SURVEY:
      return "a survey";
    default:
      return "another part";
  }
}

// What comes after the current part, in a sentence.
std::string WhatFollows(const State& state) {
  const ses::Part* next = NextPart(state);
  if (next == nullptr) return "It is the last part of the exam.";
  std::string text = "Then comes " + KindName(*next);
  if (!next->name().empty()) text += ": " + next->name();
  if (next->item_count() > 0) text += ", " + Count(next->item_count(), "question");
  if (next->has_limit()) text += ", " + ClockText(next->limit().seconds() * kMicros);
  return text + ".";
}

std::string NameOf(const ses::Part* part) {
  return part == nullptr || part->name().empty() ? "this section" : "\"" + part->name() + "\"";
}

void AddUnanswered(const State& state, size_t width, Lines& lines) {
  const size_t unanswered = ItemCount(state) - AnsweredCount(state);
  if (unanswered == 0) {
    Add(lines, "Every question of the section is answered.", width);
  } else {
    Add(lines,
        Count(unanswered, "question") + (unanswered == 1 ? " is" : " are") +
            " unanswered, or short of a choice, and will count as wrong.",
        width, 2, Style::kWarning);
  }
  if (const size_t flagged = FlaggedCount(state); flagged > 0) {
    Add(lines, Count(flagged, "question") + (flagged == 1 ? " is" : " are") + " still flagged.",
        width, 2, Style::kWarning);
  }
}

}  // namespace

void Add(Lines& lines, const std::string& text, size_t width, size_t indent, Style style) {
  for (const std::string& line : Wrap(Printable(text), width > indent ? width - indent : 1)) {
    lines.push_back({std::string(indent, ' ') + line, style});
  }
}

std::string Count(size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string PartTitle(const State& state) {
  const ses::Part* part = CurrentPart(state);
  if (part == nullptr) return "";
  const std::string number = "Part " + std::to_string(part->index() + 1) + " of " +
                             std::to_string(state.session.parts_size());
  return part->name().empty() ? number : number + ": " + part->name();
}

std::string TimeLabel(const State& state) {
  if (!CountsDown(state)) return "Clock stopped at";
  if (state.break_kind == ses::BREAK_KIND_UNSCHEDULED) return "Time left";
  if (state.break_kind != ses::BREAK_KIND_UNSPECIFIED) return "Break ends in";
  if (!InSection(state)) {
    return CurrentPart(state)->kind() == ses::PART_KIND_AGREEMENT ? "Accept within" : "Goes on in";
  }
  return HasParts(state) && CurrentPart(state)->has_limit() ? "Section time left" : "Time left";
}

Lines ReadingLines(const State& state, size_t width) {
  const ses::Part* part = CurrentPart(state);
  Lines lines;
  if (part == nullptr) return lines;
  Add(lines, part->text(), width - 2);
  lines.push_back({});
  switch (part->kind()) {
    case ses::PART_KIND_AGREEMENT:
      Add(lines, "A accepts, D declines.", width - 2, 2, Style::kBold);
      Add(lines,
          "Only who accepts sees a question. Who declines, or accepts nothing before the time at "
          "the top right is over, ends the exam. The exam's own clock stands still meanwhile.",
          width - 2);
      break;
    case ses::PART_KIND_SURVEY:
      Add(lines, NextPart(state) == nullptr ? "Enter ends the exam." : "Enter goes on.", width - 2,
          2, Style::kBold);
      Add(lines, "Your answers to the questions before are safe, and nothing here counts.",
          width - 2);
      break;
    default:
      Add(lines, "Enter goes on. There is no way back here.", width - 2, 2, Style::kBold);
      Add(lines, WhatFollows(state), width - 2);
      Add(lines, "The exam's own clock stands still until a section begins.", width - 2);
  }
  return lines;
}

Lines BreakLines(const State& state, size_t width) {
  Lines lines;
  lines.push_back({});
  const std::string number = "Break " + std::to_string(state.session.break_count());
  switch (state.break_kind) {
    case ses::BREAK_KIND_UNSCHEDULED:
      Add(lines, number + ": of your own. The exam's clock runs.", width - 2, 2, Style::kBold);
      lines.push_back({});
      Add(lines, "The time at the top right goes on; what you have seen is locked.", width - 2);
      break;
    case ses::BREAK_KIND_POOLED:
      Add(lines, number + ": of your own. The exam's clock stands still.", width - 2, 2,
          Style::kBold);
      lines.push_back({});
      Add(lines,
          "When your time for breaks is used up, the exam goes on by itself; what you have seen is "
          "locked.",
          width - 2);
      break;
    default:
      Add(lines, number + ". The exam's clock stands still.", width - 2, 2, Style::kBold);
      lines.push_back({});
      Add(lines, "When the break is over, the exam goes on by itself, whether you are here or not.",
          width - 2, 2, Style::kWarning);
      Add(lines, WhatFollows(state), width - 2);
  }
  lines.push_back({});
  Add(lines, "E ends the break now.", width - 2, 2, Style::kBold);
  return lines;
}

Lines MovingLines(const State& state, size_t width) {
  Lines lines;
  lines.push_back({});
  Add(lines, state.offline ? "The suite can't be reached; it is tried again." : "One moment.",
      width - 2, 2, Style::kBold);
  lines.push_back({});
  Add(lines, "Until it succeeds the exam stays where it is, and its clock goes on.", width - 2);
  lines.push_back({});
  Add(lines, "Q leaves; the same command goes on.", width - 2, 2, Style::kDim);
  return lines;
}

Lines ConfirmPartLines(const State& state, size_t width) {
  Lines lines;
  lines.push_back({});
  Add(lines, "Leave " + NameOf(CurrentPart(state)) + "?", width - 2, 2, Style::kBold);
  lines.push_back({});
  AddUnanswered(state, width - 2, lines);
  lines.push_back({});
  const bool own_time = CurrentPart(state) != nullptr && CurrentPart(state)->has_limit();
  Add(lines,
      std::string("You cannot come back: its questions are locked") +
          (own_time ? ", and unused time of it is lost." : "."),
      width - 2, 2, Style::kBad);
  Add(lines, WhatFollows(state), width - 2);
  lines.push_back({});
  Add(lines,
      ForwardOnly(state) ? "Y leaves the section, N goes back."
                         : "Y leaves the section, R reviews first, N goes back.",
      width, 2, Style::kBold);
  return lines;
}

Lines ConfirmDeclineLines(size_t width) {
  Lines lines;
  lines.push_back({});
  Add(lines, "Decline the agreement?", width, 2, Style::kBold);
  lines.push_back({});
  Add(lines, "This ends the exam now, for good. No question will be shown.", width - 2, 2,
      Style::kBad);
  lines.push_back({});
  Add(lines, "Y declines, N goes back.", width, 2, Style::kBold);
  return lines;
}

Lines ConfirmBreakLines(const State& state, size_t width) {
  const Range range = SectionItems(state);
  size_t seen = 0;
  for (size_t i = range.begin; i < range.end; ++i) {
    const Answer& answer = state.answers[i];
    seen += (answer.seen || answer.sequence > 0) && !answer.locked ? 1 : 0;
  }
  Lines lines;
  lines.push_back({});
  Add(lines, "Take a break of your own?", width, 2, Style::kBold);
  lines.push_back({});
  const bool allowed = state.session.breaks_allowed();
  if (allowed) Add(lines, "The clock goes on while you are away.", width - 2, 2, Style::kWarning);
  Add(lines,
      "What you have seen or answered is locked: " + Count(seen, "question") +
          " can't be changed afterwards.",
      width - 2, 2, Style::kBad);
  lines.push_back({});
  const long long pool = state.session.break_pool_remaining().seconds();
  if (pool > 0) {
    Add(lines,
        "You have " + ClockText(pool * kMicros) +
            " for breaks in which the clock stands still: P takes this one from them.",
        width - 2);
    lines.push_back({});
  }
  Add(lines,
      pool <= 0 ? "Y takes the break, N goes back."
      : allowed ? "Y takes a break with the clock running, P with it stopped, N goes back."
                : "P takes the break, N goes back.",
      width - 2, 2, Style::kBold);
  return lines;
}

Lines NoticeLines(const State& state, size_t width) {
  Lines lines;
  lines.push_back({});
  Add(lines, "A message from the staff", width - 2, 2, Style::kBold);
  lines.push_back({});
  Add(lines, state.notices.front().text(), width - 2);
  lines.push_back({});
  if (const size_t more = state.notices.size() - 1; more > 0) {
    Add(lines, Count(more, "more message") + (more == 1 ? " waits." : " wait."), width - 2);
  }
  Add(lines, "Enter goes back to the exam; the staff see then that you have read this.", width - 2,
      2, Style::kBold);
  return lines;
}

Lines ConfirmNextLines(const State& state, size_t width) {
  Lines lines;
  lines.push_back({});
  Add(lines, "Go on without a whole answer?", width, 2, Style::kBold);
  lines.push_back({});
  Add(lines,
      "Question " + std::to_string(state.current + 1 - SectionItems(state).begin) +
          " is not answered, or short of a choice. This section only goes forward: you cannot come "
          "back to it.",
      width - 2, 2, Style::kWarning);
  lines.push_back({});
  Add(lines, "Y goes on, N stays.", width, 2, Style::kBold);
  return lines;
}

}  // namespace invigil::cli::take
