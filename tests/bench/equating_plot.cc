#include "tests/bench/equating_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

namespace invigil::bench {
namespace {

constexpr double kLeft = 60, kTop = 50, kWidth = 420, kHeight = 300, kGap = 190;
constexpr double kHighest = 2;  // raw points at the top of the left panel
constexpr const char* kColours[] = {"#888888", "#4477aa", "#ee6677", "#228833",
                                    "#ccbb44", "#66ccee", "#aa3377", "#bb5566",
                                    "#004488", "#ddaa33", "#000000", "#997700"};

template <typename... Values>
std::string Text(const char* format, Values... values) {
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

std::string Line(double x1, double y1, double x2, double y2, const char* style) {
  return Text("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
              style);
}

std::string Label(double x, double y, const char* anchor, const std::string& text) {
  return Text("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor) + text + "</text>\n";
}

std::string Errors(const std::vector<ErrorCurve>& curves, size_t cut) {
  const auto scores = static_cast<double>(curves.front().rmse.size() - 1);
  const auto x = [&](double raw) { return kLeft + kWidth * raw / scores; };
  const auto y = [&](double error) {
    return kTop + kHeight * (1 - std::min(error, kHighest) / kHighest);
  };
  std::string out = Label(kLeft, kTop - 16, "start", "Root mean square error, raw points");
  for (double tick = 0; tick <= kHighest; tick += 0.5) {
    out += Line(kLeft, y(tick), kLeft + kWidth, y(tick),
                tick == 0.5 ? "stroke=\"#000\" stroke-dasharray=\"6 4\"" : "stroke=\"#ddd\"");
    out += Label(kLeft - 6, y(tick) + 4, "end", Text("%.1f", tick));
  }
  for (double tick = 0; tick <= scores; tick += 10) {
    out += Label(x(tick), kTop + kHeight + 18, "middle", Text("%.0f", tick));
  }
  const auto at = static_cast<double>(cut);
  out += Line(x(at), kTop, x(at), kTop + kHeight, "stroke=\"#000\" stroke-dasharray=\"2 3\"");
  out += Label(x(at), kTop + kHeight + 34, "middle", "cut");
  for (size_t c = 0; c < curves.size(); ++c) {
    out += Text("<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" points=\"",
                kColours[c % std::size(kColours)], curves[c].recommended ? "3" : "1.3");
    for (size_t raw = 0; raw < curves[c].rmse.size(); ++raw) {
      out += Text("%.1f,%.1f ", x(static_cast<double>(raw)), y(curves[c].rmse[raw]));
    }
    out += "\"/>\n";
  }
  return out;
}

std::string Coverage(const std::vector<ErrorCurve>& curves, int replications) {
  const double left = kLeft + kWidth + kGap;
  const auto x = [&](double share) { return left + kWidth * 0.6 * (share - 0.5) / 0.5; };
  std::string out = Label(left, kTop - 16, "start", "Coverage of the stated 95 % at the cut");
  for (double tick : {0.5, 0.6, 0.7, 0.8, 0.9, 1.0}) {
    out += Line(x(tick), kTop, x(tick), kTop + kHeight, "stroke=\"#ddd\"");
    out += Label(x(tick), kTop + kHeight + 18, "middle", Text("%.0f %%", 100 * tick));
  }
  out += Line(x(0.95), kTop, x(0.95), kTop + kHeight, "stroke=\"#000\" stroke-dasharray=\"6 4\"");
  const double row = kHeight / static_cast<double>(curves.size());
  for (size_t c = 0; c < curves.size(); ++c) {
    const double y = kTop + row * (static_cast<double>(c) + 0.5);
    const double share = curves[c].coverage;
    const double noise = 1.96 * std::sqrt(share * (1 - share) / replications);
    const char* colour = kColours[c % std::size(kColours)];
    const std::string name = curves[c].recommended
                                 ? "<tspan font-weight=\"bold\">" + curves[c].name + "</tspan>"
                                 : curves[c].name;
    out += Label(left - 8, y + 4, "end", name);
    if (share < 0.5) {
      out += Label(x(0.5) + 4, y + 4, "start", Text("%.0f %%", 100 * share));
      continue;
    }
    out += Line(x(std::max(share - noise, 0.5)), y, x(std::min(share + noise, 1.0)), y,
                Text("stroke=\"%s\" stroke-width=\"2\"", colour).c_str());
    out += Text("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n", x(share), y, colour);
  }
  return out;
}

}  // namespace

bool DrawErrors(const std::vector<ErrorCurve>& curves, size_t cut, int replications,
                const std::string& path) {
  std::ofstream file(path);
  file << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"980\" height=\"400\" "
          "font-family=\"sans-serif\" font-size=\"12\">\n"
          "<rect width=\"980\" height=\"400\" fill=\"#fff\"/>\n"
       << Errors(curves, cut) << Coverage(curves, replications) << "</svg>\n";
  return static_cast<bool>(file.flush());
}

}  // namespace invigil::bench
