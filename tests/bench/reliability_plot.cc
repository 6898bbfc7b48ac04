#include "tests/bench/reliability_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <fstream>

namespace invigil::bench {
namespace {

std::string Format(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  return text;
}

double ErrorOf(const scoring::ReliabilityBin& bin) {
  const double p = bin.observed();
  return bin.cases == 0 ? 0 : std::sqrt(p * (1 - p) / static_cast<double>(bin.cases));
}

}  // namespace

void PrintTable(const NamedTable& named) {
  std::printf("\n%s\n", named.name.c_str());
  std::printf("  %-8s %8s %8s %9s %8s %8s\n", "stated", "cases", "mean", "observed", "gap",
              "error");
  for (size_t i = 0; i < named.table.bins().size(); ++i) {
    const scoring::ReliabilityBin& bin = named.table.bins()[i];
    if (bin.cases == 0) continue;
    std::printf("  .%zu-%.1f   %8zu %8.3f %9.3f %+8.1f %8.1f\n", i,
                0.1 * static_cast<double>(i + 1), bin.cases, bin.stated(), bin.observed(),
                100 * (bin.stated() - bin.observed()), 100 * ErrorOf(bin));
  }
  std::printf("  worst bin of 300 cases or more: %.1f points; mean %.1f points\n",
              100 * named.table.WorstGap(300), 100 * named.table.MeanGap());
}

bool DrawTables(const std::string& title, const std::vector<NamedTable>& tables,
                const std::string& path) {
  constexpr double kSide = 260, kPad = 50, kHead = 60, kRow = kSide + 70;
  constexpr size_t kColumns = 3;
  const size_t rows = (tables.size() + kColumns - 1) / kColumns;
  const double width =
      kPad + static_cast<double>(std::min(kColumns, tables.size())) * (kSide + kPad);
  const double height = kHead + static_cast<double>(rows) * kRow;
  std::string svg = Format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
      "font-family=\"sans-serif\" "
      "font-size=\"11\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
      width, height);
  svg += Format("<text x=\"%.0f\" y=\"24\" font-size=\"15\">%s</text>\n", kPad, title.c_str());
  for (size_t t = 0; t < tables.size(); ++t) {
    const double left = kPad + static_cast<double>(t % kColumns) * (kSide + kPad);
    const double top = kHead + static_cast<double>(t / kColumns) * kRow;
    const auto x = [&](double p) { return left + kSide * p; };
    const auto y = [&](double p) { return top + kSide * (1 - p); };
    svg += Format(
        "<polygon points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f\" "
        "fill=\"#e8f0e8\"/>\n",
        x(0), y(0), x(0), y(0.05), x(0.95), y(1), x(1), y(1), x(1), y(0.95), x(0.05), y(0));
    svg += Format(
        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\" fill=\"none\" "
        "stroke=\"#888\"/>\n",
        left, top, kSide, kSide);
    svg += Format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#aaa\"/>\n", x(0),
                  y(0), x(1), y(1));
    svg += Format("<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", left, top - 8, tables[t].name.c_str());
    for (const double tick : {0.0, 0.5, 1.0}) {
      svg += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.1f</text>\n", x(tick),
                    top + kSide + 14, tick);
      svg += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n", left - 4,
                    y(tick) + 4, tick);
    }
    svg += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">stated</text>\n", x(0.5),
                  top + kSide + 30);
    for (const scoring::ReliabilityBin& bin : tables[t].table.bins()) {
      if (bin.cases == 0) continue;
      const double error = 1.96 * ErrorOf(bin), p = bin.observed();
      svg += Format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#25507a\"/>\n",
                    x(bin.stated()), y(std::max(0.0, p - error)), x(bin.stated()),
                    y(std::min(1.0, p + error)));
      svg += Format(
          "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"#25507a\"><title>%zu cases, "
          "stated %.3f, observed %.3f</title></circle>\n",
          x(bin.stated()), y(p), bin.cases, bin.stated(), p);
    }
  }
  svg += "</svg>\n";
  std::ofstream file(path);
  file << svg;
  return static_cast<bool>(file.flush());
}

}  // namespace invigil::bench
