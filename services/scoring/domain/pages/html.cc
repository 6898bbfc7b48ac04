#include "services/scoring/domain/pages/html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace invigil::scoring::reports {
namespace {

// Colours keep a contrast of 4.5 to 1 on white and differ in lightness, so that nothing is told by
// hue alone.
constexpr char kStyle[] = R"css(
@page { size: A4; margin: 16mm 18mm; }
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1b1f24; font: 16px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
header { border-bottom: 3px solid #1b1f24; padding-bottom: .75rem; margin-bottom: 1.5rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .15rem 0 .35rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 0 0 .6rem; }
section { margin: 0 0 1.75rem; }
p { margin: 0 0 .6rem; overflow-wrap: anywhere; }
.kind { text-transform: uppercase; letter-spacing: .06em; font-size: .8rem; font-weight: 600; color: #57606a; margin: 0; }
.small, header p { font-size: .88rem; color: #424a53; }
.result { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1.25rem; margin-bottom: .5rem; }
.score { font-size: 3rem; line-height: 1.1; font-weight: 700; margin: 0; }
.verdict { font-size: 1.5rem; font-weight: 700; margin: 0; padding: .1rem .7rem; border: 2px solid currentColor; border-radius: .3rem; }
.pass { color: #0b5d37; } .fail { color: #8c2f12; }
svg { display: block; width: 100%; height: auto; margin: .4rem 0 .8rem; }
svg.zones { width: 9.5rem; margin: .15rem 0 0; }
table { width: 100%; border-collapse: collapse; margin: 0 0 .8rem; font-size: .94rem; }
caption { text-align: left; font-size: .88rem; color: #424a53; padding-bottom: .35rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid #c8d0d8; overflow-wrap: break-word; }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-bottom: 2px solid #57606a; font-size: .85rem; overflow-wrap: normal; }
tbody th { font-weight: 600; overflow-wrap: anywhere; min-width: 7rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.note { display: block; font-weight: 400; color: #424a53; font-size: .88rem; }
.alarm { border-left: 4px solid #8c2f12; padding: .1rem 0 .1rem .75rem; }
.scroll { overflow-x: auto; }
@media (max-width: 34rem) { main { padding: 1.25rem .9rem 2rem; } .score { font-size: 2.4rem; } body { font-size: 15px; } }
@media print {
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; } .scroll { overflow: visible; }
  tr, svg, .result { break-inside: avoid; } h2 { break-after: avoid; } thead { display: table-header-group; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";

}  // namespace

std::string Escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
  }
  return out;
}

std::string Number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  std::string out = text;
  if (out.find('.') != std::string::npos) {
    out.erase(out.find_last_not_of('0') + 1);
    if (out.back() == '.') out.pop_back();
  }
  return out == "-0" ? "0" : out;
}

std::string Percent(double share, int digits) { return Number(100 * share, digits) + "\u00a0%"; }

std::string Render(const Page& page) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      Escape(page.title) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<main>\n" +
      "<header>\n" + Paragraph(page.kind, "kind") + "<h1>" + Escape(page.title) + "</h1>\n";
  if (!page.subtitle.empty()) out += Paragraph(page.subtitle);
  return out + "</header>\n" + page.body + "</main>\n</body>\n</html>\n";
}

std::string Section(std::string_view id, std::string_view heading, std::string_view body) {
  const std::string name = Escape(id);
  return "<section aria-labelledby=\"" + name + "\">\n<h2 id=\"" + name + "\">" + Escape(heading) +
         "</h2>\n" + std::string(body) + "</section>\n";
}

std::string Paragraph(std::string_view text, std::string_view css_class) {
  return (css_class.empty() ? std::string("<p>") : "<p class=\"" + std::string(css_class) + "\">") +
         Escape(text) + "</p>\n";
}

std::string Render(const Table& table) {
  const auto css = [&](size_t column) {
    const bool numeric =
        std::find(table.numeric.begin(), table.numeric.end(), column) != table.numeric.end();
    return std::string(numeric ? " class=\"number\"" : "");
  };
  std::string out = "<div class=\"scroll\"><table>\n<caption>" + Escape(table.caption) +
                    "</caption>\n<thead><tr>";
  for (size_t i = 0; i < table.columns.size(); ++i) {
    out += "<th scope=\"col\"" + css(i) + ">" + Escape(table.columns[i]) + "</th>";
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    out += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) {
      out += (i == 0 ? "<th scope=\"row\"" + css(i) + ">" : "<td" + css(i) + ">") + Escape(row[i]) +
             (i == 0 ? "</th>" : "</td>");
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

}  // namespace invigil::scoring::reports
