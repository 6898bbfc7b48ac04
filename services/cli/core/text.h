// Laying out text for a terminal: what may be printed, how wide it is, where it breaks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace invigil::cli {

// One character of UTF-8 and the columns it takes: 0 for combining marks, 2 for wide East Asian.
struct Glyph {
  std::string_view bytes;
  int width = 1;
};

// The first character of `text`, which is not empty. A byte that is no UTF-8 is a glyph of its own.
Glyph FirstGlyph(std::string_view text);

// `text` with everything a terminal would act on taken out: control characters become spaces (line
// breaks stay), bytes that are no UTF-8 become U+FFFD. Texts of banks and servers pass through here
// before they reach a screen.
std::string Printable(std::string_view text);

// Columns taken by one line of printable text.
size_t DisplayWidth(std::string_view line);

// Lines of at most `width` columns, broken at spaces; a longer word is cut. Line breaks are kept.
// At least one line, which may be empty.
std::vector<std::string> Wrap(std::string_view text, size_t width);

// The same as one string, every line behind `indent` spaces and ending in a line break; `width`
// includes the indent.
std::string WrapIndented(std::string_view text, size_t width, size_t indent);

// `line` filled with spaces up to `width` columns; a longer one is left alone.
std::string PadRight(std::string_view line, size_t width);
std::string PadLeft(std::string_view line, size_t width);
// Cut to `width` columns, with "..." at the end when something was cut.
std::string Shorten(std::string_view line, size_t width);

// Rows in columns two spaces apart; the first row is the heading, underlined by dashes. Columns
// named in `right_aligned` (from 0) are numbers. No space at line ends.
std::string Table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<size_t>& right_aligned = {});

// "1:02:03" or "02:03"; below zero counts as zero. Rounded up, so that 0 means none is left.
std::string ClockText(long long microseconds);

}  // namespace invigil::cli
