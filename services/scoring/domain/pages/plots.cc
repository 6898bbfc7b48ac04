#include "services/scoring/domain/pages/plots.h"

#include <algorithm>
#include <cmath>

#include "services/scoring/domain/pages/html.h"

namespace invigil::scoring::reports {
namespace {

constexpr double kWidth = 640;
constexpr char kInk[] = "#1b1f24", kGrey[] = "#57606a", kLight[] = "#d8dee4", kBand[] = "#8fb4e3",
               kBelow[] = "#eac3b4", kAbove[] = "#bfdccb";

std::string Open(double width, double height, std::string_view title,
                 std::string_view css_class = "") {
  std::string out = "<svg";
  if (!css_class.empty()) out += " class=\"" + std::string(css_class) + "\"";
  return out + " viewBox=\"0 0 " + Number(width) + " " + Number(height) +
         "\" role=\"img\" aria-label=\"" + Escape(title) + "\"><title>" + Escape(title) +
         "</title>\n";
}

std::string Box(double x, double y, double width, double height, std::string_view fill) {
  return "<rect x=\"" + Number(x, 2) + "\" y=\"" + Number(y, 2) + "\" width=\"" +
         Number(std::max(0.0, width), 2) + "\" height=\"" + Number(std::max(0.0, height), 2) +
         "\" fill=\"" + std::string(fill) + "\"/>\n";
}

std::string Line(double x1, double y1, double x2, double y2, std::string_view stroke,
                 double width = 1, std::string_view dash = "") {
  std::string out = "<line x1=\"" + Number(x1, 2) + "\" y1=\"" + Number(y1, 2) + "\" x2=\"" +
                    Number(x2, 2) + "\" y2=\"" + Number(y2, 2) + "\" stroke=\"" +
                    std::string(stroke) + "\" stroke-width=\"" + Number(width, 1) + "\"";
  if (!dash.empty()) out += " stroke-dasharray=\"" + std::string(dash) + "\"";
  return out + "/>\n";
}

std::string Words(double x, double y, std::string_view text, std::string_view anchor,
                  double size = 14, bool bold = false) {
  return "<text x=\"" + Number(x, 2) + "\" y=\"" + Number(y, 2) + "\" text-anchor=\"" +
         std::string(anchor) + "\" font-size=\"" + Number(size) + "\"" +
         (bold ? " font-weight=\"700\"" : "") + " fill=\"" + kInk + "\">" + Escape(text) +
         "</text>\n";
}

// Centred on x, but inside the drawing.
std::string Inside(double x, double y, std::string_view text, double size, bool bold) {
  const double half = 0.31 * size * static_cast<double>(text.size());
  const double left = 2, right = kWidth - 2;
  if (x - half < left) return Words(left, y, text, "start", size, bold);
  if (x + half > right) return Words(right, y, text, "end", size, bold);
  return Words(x, y, text, "middle", size, bold);
}

}  // namespace

std::string Draw(const ScalePlot& plot) {
  const double margin = 12, top = 46, height = 22;
  const auto at = [&](double score) {
    const double share = (score - plot.min) / std::max(1.0, plot.max - plot.min);
    return margin + std::clamp(share, 0.0, 1.0) * (kWidth - 2 * margin);
  };
  const std::string title = "Score " + Number(plot.score) + " on a scale from " + Number(plot.min) +
                            " to " + Number(plot.max) + "; " + Number(plot.cut) +
                            " passes; one standard error reaches from " + Number(plot.low) +
                            " to " + Number(plot.high) + ".";
  std::string out = Open(kWidth, 116, title);
  out += Box(at(plot.min), top, at(plot.cut) - at(plot.min), height, kLight);
  out += Box(at(plot.cut), top, at(plot.max) - at(plot.cut), height, kAbove);
  out += Box(at(plot.low), top + 4, std::max(2.0, at(plot.high) - at(plot.low)), height - 8, kBand);
  out += Line(at(plot.cut), top - 6, at(plot.cut), top + height + 8, kInk, 2, "4 3");
  const double x = at(plot.score);
  out += "<path d=\"M" + Number(x, 2) + " " + Number(top - 2) + " l-7 -11 h14 z\" fill=\"" + kInk +
         "\"/>\n" + Line(x, top - 2, x, top + height, kInk, 3);
  out += Inside(x, top - 20, Number(plot.score), 18, true);
  const double below = top + height + 24;
  out += Words(2, below, Number(plot.min), "start") +
         Words(kWidth - 2, below, Number(plot.max), "end");
  // The cut's label keeps off the ends', which stand lower when it is near one.
  out += Inside(at(plot.cut), below + 16, Number(plot.cut) + " passes", 14, false);
  return out + "</svg>\n";
}

std::string DrawZones(int zone, std::string_view title) {
  std::string out = Open(156, 16, title, "zones");
  for (int i = 0; i < 3; ++i) {
    const bool marked = i == zone + 1;
    const char* fill = !marked ? "#eef1f4" : i == 0 ? kBelow : i == 2 ? kAbove : "#b8c1ca";
    out += Box(2 + i * 51, 3, 49, 10, fill);
    if (!marked) continue;
    out += "<rect x=\"" + Number(2 + i * 51) +
           "\" y=\"3\" width=\"49\" height=\"10\" fill=\"none\" stroke=\"" + kInk +
           "\" stroke-width=\"2\"/>\n";
  }
  return out + "</svg>";
}

std::string Draw(const HistogramPlot& plot) {
  if (plot.bars.empty()) return "";
  const double left = 48, right = kWidth - 12, top = 22, bottom = 200;
  const double low = plot.bars.front().from, high = plot.bars.back().to;
  uint64_t most = 1;
  for (const auto& bar : plot.bars) most = std::max(most, bar.count);
  const auto x = [&](double score) {
    return left + (score - low) / std::max(1.0, high - low) * (right - left);
  };
  std::string out = Open(kWidth, 240, plot.title);
  for (int i = 0; i <= 2; ++i) {
    const double y = bottom - i / 2.0 * (bottom - top);
    out += Line(left, y, right, y, kLight);
    const double count = static_cast<double>(most) * i / 2;
    if (count == std::floor(count)) out += Words(left - 6, y + 5, Number(count), "end", 13);
  }
  for (const auto& bar : plot.bars) {
    const double height =
        static_cast<double>(bar.count) / static_cast<double>(most) * (bottom - top);
    const double begin = x(bar.from), end = std::min(right, x(bar.to + 1));
    const bool passes = bar.from >= plot.cut;
    out += Box(begin + 0.5, bottom - height, end - begin - 1, height, passes ? "#3a7d5c" : kGrey);
  }
  out += Line(left, bottom, right, bottom, kInk, 1.5);
  out += Line(x(plot.cut), top - 6, x(plot.cut), bottom, kInk, 2, "4 3");
  out += Inside(x(plot.cut), top - 10, Number(plot.cut) + " passes", 13, false);
  out += Words(left, bottom + 20, Number(low), "start", 13) +
         Words(right, bottom + 20, Number(high), "end", 13) +
         Words((left + right) / 2, bottom + 36, "Scaled score", "middle", 13);
  return out + "</svg>\n";
}

std::string Draw(const RatePlot& plot) {
  if (plot.points.empty()) return "";
  const double left = 48, right = kWidth - 16, top = 14, bottom = 170;
  const auto y = [&](double rate) { return bottom - std::clamp(rate, 0.0, 1.0) * (bottom - top); };
  const auto x = [&](size_t i) {
    const size_t n = plot.points.size();
    const double share = n == 1 ? 0.5 : static_cast<double>(i) / static_cast<double>(n - 1);
    return left + 14 + share * (right - left - 28);
  };
  std::string out = Open(kWidth, 204, plot.title);
  for (const double rate : {0.0, 0.5, 1.0}) {
    out += Line(left, y(rate), right, y(rate), kLight);
    out += Words(left - 6, y(rate) + 5, Percent(rate), "end", 13);
  }
  out += Line(left, y(plot.overall), right, y(plot.overall), kGrey, 1.5, "4 3");
  for (size_t i = 0; i < plot.points.size(); ++i) {
    const auto& point = plot.points[i];
    out += Line(x(i), y(point.low), x(i), y(point.high), "#5b8fd0", 4);
    if (i > 0) out += Line(x(i - 1), y(plot.points[i - 1].rate), x(i), y(point.rate), kInk, 1.5);
    out += "<circle cx=\"" + Number(x(i), 2) + "\" cy=\"" + Number(y(point.rate), 2) +
           "\" r=\"4\" fill=\"" + kInk + "\"/>\n";
  }
  out += Words(left, bottom + 22, plot.points.front().label, "start", 13);
  if (plot.points.size() > 1) out += Words(right, bottom + 22, plot.points.back().label, "end", 13);
  return out + "</svg>\n";
}

}  // namespace invigil::scoring::reports
