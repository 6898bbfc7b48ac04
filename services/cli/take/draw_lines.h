// Lines of a screen's body. Private to this room.
#pragma once

#include <string>
#include <vector>

#include "services/cli/take/machine.h"
#include "services/cli/take/screen.h"

namespace invigil::cli::take {

struct Line {
  std::string text;
  Style style = Style::kPlain;
};
using Lines = std::vector<Line>;

// Wraps text of any origin to `width`, behind `indent` spaces.
void Add(Lines& lines, const std::string& text, size_t width, size_t indent = 2,
         Style style = Style::kPlain);
// "1 question", "2 questions".
std::string Count(size_t n, const std::string& noun);

// Bodies of the views that only exams with parts have, in draw_parts.cc.
Lines ReadingLines(const State& state, size_t width);
Lines BreakLines(const State& state, size_t width);
Lines MovingLines(const State& state, size_t width);
Lines ConfirmPartLines(const State& state, size_t width);
Lines ConfirmDeclineLines(size_t width);
Lines ConfirmBreakLines(const State& state, size_t width);
Lines ConfirmNextLines(const State& state, size_t width);
// A message of the staff, over whatever was shown.
Lines NoticeLines(const State& state, size_t width);
// Which part the session is in, such as "Part 3 of 6: Verbal Reasoning".
std::string PartTitle(const State& state);
// What the time at the top right is, such as "Break ends in".
std::string TimeLabel(const State& state);

}  // namespace invigil::cli::take
