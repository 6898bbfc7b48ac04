// A grid of characters and how to bring a terminal to show it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace invigil::cli::take {

enum class Style { kPlain, kBold, kDim, kReverse, kGood, kWarning, kBad };

struct Size {
  int rows = 24, columns = 80;
  friend bool operator==(const Size&, const Size&) = default;
};

class Screen {
 public:
  explicit Screen(Size size);
  Size size() const { return size_; }

  // Writes printable text of one line; what does not fit is cut. Returns the column after it.
  int Put(int row, int column, std::string_view text, Style style = Style::kPlain);
  // So that it ends at the right edge.
  void PutRight(int row, std::string_view text, Style style = Style::kPlain);
  // Gives the whole row this style, filled with spaces.
  void Fill(int row, Style style);

  // The rows without styles, trailing spaces cut, each ending in a line break.
  std::string Text() const;
  // Escape sequences that turn a terminal showing `before` into this; all of it when there is none
  // or its size differs. `colour` false: bold, dim and reverse only.
  std::string Ansi(const Screen* before, bool colour) const;

 private:
  struct Cell {
    std::string glyph = " ";  // empty: covered by the wide one before it
    Style style = Style::kPlain;
    friend bool operator==(const Cell&, const Cell&) = default;
  };
  using Row = std::vector<Cell>;
  Size size_;
  std::vector<Row> rows_;
};

}  // namespace invigil::cli::take
