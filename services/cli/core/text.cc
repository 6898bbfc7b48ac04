#include "services/cli/core/text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace invigil::cli {
namespace {

struct CodePoint {
  char32_t value = 0;
  size_t size = 1;
  bool valid = false;
};

CodePoint Decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  size_t size = 0;
  char32_t value = 0;
  if (first >= 0xc2 && first <= 0xdf) {
    size = 2, value = first & 0x1f;
  } else if (first >= 0xe0 && first <= 0xef) {
    size = 3, value = first & 0x0f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    size = 4, value = first & 0x07;
  } else {
    return {};
  }
  if (text.size() < size) return {};
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3f);
  }
  const char32_t least = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
  if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return {};
  return {value, size, true};
}

bool Within(char32_t c, char32_t from, char32_t to) { return c >= from && c <= to; }

int Width(char32_t c) {
  if (Within(c, 0x300, 0x36f) || Within(c, 0x200b, 0x200f) || Within(c, 0x20d0, 0x20ff) ||
      Within(c, 0xfe00, 0xfe0f) || c == 0xfeff) {
    return 0;
  }
  if (Within(c, 0x1100, 0x115f) || Within(c, 0x2e80, 0xa4cf) || Within(c, 0xac00, 0xd7a3) ||
      Within(c, 0xf900, 0xfaff) || Within(c, 0xfe30, 0xfe6f) || Within(c, 0xff00, 0xff60) ||
      Within(c, 0xffe0, 0xffe6) || Within(c, 0x1f300, 0x1faff) || Within(c, 0x20000, 0x3fffd)) {
    return 2;
  }
  return 1;
}

// C0 and C1 controls, and what turns the direction of writing around.
bool IsControl(char32_t c) {
  return c < 0x20 || Within(c, 0x7f, 0x9f) || Within(c, 0x202a, 0x202e) ||
         Within(c, 0x2066, 0x2069);
}

// The longest beginning of `text` that fits into `width` columns; at least one glyph.
size_t FittingBytes(std::string_view text, size_t width) {
  size_t bytes = 0, columns = 0;
  while (bytes < text.size()) {
    const Glyph glyph = FirstGlyph(text.substr(bytes));
    columns += static_cast<size_t>(glyph.width);
    if (columns > width && bytes > 0) break;
    bytes += glyph.bytes.size();
  }
  return bytes;
}

void WrapLine(std::string_view text, size_t width, std::vector<std::string>& lines) {
  std::string line;
  size_t columns = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    std::string_view word = text.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    const size_t word_columns = DisplayWidth(word);
    if (columns > 0 && columns + 1 + word_columns > width) {
      lines.push_back(std::move(line));
      line.clear();
      columns = 0;
    }
    while (columns == 0 && DisplayWidth(word) > width) {
      const size_t bytes = FittingBytes(word, width);
      if (bytes >= word.size()) break;
      lines.emplace_back(word.substr(0, bytes));
      word.remove_prefix(bytes);
    }
    if (columns > 0) {
      line += ' ';
      ++columns;
    }
    line += word;
    columns += DisplayWidth(word);
  }
  lines.push_back(std::move(line));
}

}  // namespace

Glyph FirstGlyph(std::string_view text) {
  const CodePoint point = Decode(text);
  return {text.substr(0, point.size), point.valid ? Width(point.value) : 1};
}

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = Decode(text);
    if (!point.valid) {
      out += "\xef\xbf\xbd";
    } else if (point.value == '\n') {
      out += '\n';
    } else if (IsControl(point.value)) {
      out += ' ';
    } else {
      out += text.substr(0, point.size);
    }
    text.remove_prefix(point.size);
  }
  return out;
}

size_t DisplayWidth(std::string_view line) {
  size_t columns = 0;
  while (!line.empty()) {
    const Glyph glyph = FirstGlyph(line);
    columns += static_cast<size_t>(glyph.width);
    line.remove_prefix(glyph.bytes.size());
  }
  return columns;
}

std::vector<std::string> Wrap(std::string_view text, size_t width) {
  width = std::max<size_t>(width, 1);
  std::vector<std::string> lines;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    WrapLine(text.substr(at, end - at), width, lines);
    at = end + 1;
  }
  return lines;
}

std::string WrapIndented(std::string_view text, size_t width, size_t indent) {
  std::string out;
  for (const std::string& line : Wrap(text, width > indent ? width - indent : 1)) {
    if (!line.empty()) out += std::string(indent, ' ') + line;
    out += '\n';
  }
  return out;
}

std::string PadRight(std::string_view line, size_t width) {
  const size_t columns = DisplayWidth(line);
  std::string out(line);
  if (columns < width) out.append(width - columns, ' ');
  return out;
}

std::string PadLeft(std::string_view line, size_t width) {
  const size_t columns = DisplayWidth(line);
  return columns < width ? std::string(width - columns, ' ').append(line) : std::string(line);
}

std::string Shorten(std::string_view line, size_t width) {
  if (DisplayWidth(line) <= width) return std::string(line);
  if (width == 0) return "";
  if (width <= 3) return std::string(line.substr(0, FittingBytes(line, width)));
  return std::string(line.substr(0, FittingBytes(line, width - 3))) + "...";
}

std::string Table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<size_t>& right_aligned) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string out;
  const auto write = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const bool right =
          std::find(right_aligned.begin(), right_aligned.end(), i) != right_aligned.end();
      if (i > 0) line += "  ";
      line += right ? PadLeft(row[i], widths[i]) : PadRight(row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  for (size_t r = 0; r < rows.size(); ++r) {
    write(rows[r]);
    if (r > 0) continue;
    std::vector<std::string> dashes;
    dashes.reserve(widths.size());
    for (size_t width : widths) dashes.emplace_back(width, '-');
    write(dashes);
  }
  return out;
}

std::string ClockText(long long microseconds) {
  const long long seconds = microseconds <= 0 ? 0 : (microseconds + 999'999) / 1'000'000;
  char text[32];
  if (seconds >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60,
                  seconds % 60);
  } else {
    std::snprintf(text, sizeof text, "%02lld:%02lld", seconds / 60, seconds % 60);
  }
  return text;
}

}  // namespace invigil::cli
