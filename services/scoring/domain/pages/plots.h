// Small drawings as SVG inside a page. Each has a title that says what it shows; the numbers stand
// in the page beside it as text. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace invigil::scoring::reports {

// A reporting scale with a score on it, the band of one standard error, and the cut.
struct ScalePlot {
  double min = 0, max = 0, cut = 0;
  double score = 0, low = 0, high = 0;  // the band's ends, inside the scale
};
std::string Draw(const ScalePlot& plot);

// Three zones, one of them marked: -1 below, 0 can't be told, 1 above.
std::string DrawZones(int zone, std::string_view title);

struct HistogramPlot {
  struct Bar {
    double from = 0, to = 0;
    uint64_t count = 0;
  };
  std::vector<Bar> bars;  // in order, side by side
  double cut = 0;
  std::string title;
};
std::string Draw(const HistogramPlot& plot);

// Shares with their intervals over time.
struct RatePlot {
  struct Point {
    std::string label;
    double rate = 0, low = 0, high = 0;
  };
  std::vector<Point> points;
  double overall = 0;
  std::string title;
};
std::string Draw(const RatePlot& plot);

}  // namespace invigil::scoring::reports
