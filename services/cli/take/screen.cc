#include "services/cli/take/screen.h"

#include <algorithm>

#include "services/cli/core/text.h"

namespace invigil::cli::take {
namespace {

const char* Sequence(Style style, bool colour) {
  switch (style) {
    case Style::kPlain:
      return "\x1b[0m";
    case Style::kBold:
      return "\x1b[0;1m";
    case Style::kDim:
      return "\x1b[0;2m";
    case Style::kReverse:
      return "\x1b[0;7m";
    case Style::kGood:
      return colour ? "\x1b[0;32m" : "\x1b[0m";
    case Style::kWarning:
      return colour ? "\x1b[0;1;33m" : "\x1b[0;1m";
    case Style::kBad:
      return colour ? "\x1b[0;1;31m" : "\x1b[0;7m";
  }
  return "";
}

}  // namespace

Screen::Screen(Size size)
    : size_{std::max(size.rows, 1), std::max(size.columns, 1)},
      rows_(static_cast<size_t>(size_.rows), Row(static_cast<size_t>(size_.columns))) {}

int Screen::Put(int row, int column, std::string_view text, Style style) {
  if (row < 0 || row >= size_.rows) return column;
  Row& cells = rows_[static_cast<size_t>(row)];
  while (!text.empty()) {
    const Glyph glyph = FirstGlyph(text);
    text.remove_prefix(glyph.bytes.size());
    if (glyph.width == 0) {
      if (column > 0 && column <= size_.columns) {
        cells[static_cast<size_t>(column) - 1].glyph += glyph.bytes;
      }
      continue;
    }
    if (column < 0 || column + glyph.width > size_.columns) return column;
    cells[static_cast<size_t>(column)] = {std::string(glyph.bytes), style};
    if (glyph.width == 2) cells[static_cast<size_t>(column) + 1] = {"", style};
    column += glyph.width;
  }
  return column;
}

void Screen::PutRight(int row, std::string_view text, Style style) {
  Put(row, std::max(0, size_.columns - static_cast<int>(DisplayWidth(text))), text, style);
}

void Screen::Fill(int row, Style style) {
  if (row < 0 || row >= size_.rows) return;
  for (Cell& cell : rows_[static_cast<size_t>(row)]) cell.style = style;
}

std::string Screen::Text() const {
  std::string out;
  for (const Row& row : rows_) {
    std::string line;
    for (const Cell& cell : row) line += cell.glyph;
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

std::string Screen::Ansi(const Screen* before, bool colour) const {
  const bool anew = before == nullptr || !(before->size_ == size_);
  std::string out = anew ? "\x1b[0m\x1b[2J" : "";
  for (size_t r = 0; r < rows_.size(); ++r) {
    if (!anew && rows_[r] == before->rows_[r]) continue;
    out += "\x1b[" + std::to_string(r + 1) + ";1H";
    const Cell* last = nullptr;
    for (const Cell& cell : rows_[r]) {
      if (last == nullptr || last->style != cell.style) out += Sequence(cell.style, colour);
      out += cell.glyph;
      last = &cell;
    }
    out += "\x1b[0m";
  }
  return out;
}

}  // namespace invigil::cli::take
