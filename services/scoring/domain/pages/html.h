// Pages that need nothing from elsewhere: no script, no font, no picture but the SVG inside them.
// Made to be read on a screen, by a screen reader, and from A4 paper. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace invigil::scoring::reports {

// Text for HTML and SVG, in elements and in quoted attributes. Control characters become spaces.
std::string Escape(std::string_view text);

// "12", "12.5": at most `digits` behind the point, none that are 0.
std::string Number(double value, int digits = 0);
// "62 %", of a share.
std::string Percent(double share, int digits = 0);

struct Page {
  std::string title;     // plain
  std::string kind;      // plain; stands above the title, such as "Practice estimate"
  std::string subtitle;  // plain; may be empty
  std::string body;      // HTML
};
// A whole document.
std::string Render(const Page& page);

// A section with a heading; `body` is HTML.
std::string Section(std::string_view id, std::string_view heading, std::string_view body);
std::string Paragraph(std::string_view text, std::string_view css_class = "");

// A table with a caption, headed columns and headed rows. Cells are plain; those of `numeric`
// columns stand to the right.
struct Table {
  std::string caption;
  std::vector<std::string> columns;
  std::vector<size_t> numeric;
  std::vector<std::vector<std::string>> rows;
};
std::string Render(const Table& table);

}  // namespace invigil::scoring::reports
