// Does calibration recover what was simulated, and do its standard errors tell the truth? For one-,
// two- and three-parameter items and samples from 250 to 4000 persons: bias, root mean square
// error, the mean standard error beside it, and how often the truth lies within 1.96 of them. A
// table, and with --svg a plot.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "common/config/flags.h"
#include "services/scoring/domain/calibration/calibration.h"
#include "services/scoring/domain/calibration/simulate.h"

namespace invigil {
namespace {

using scoring::CalibrationOptions;
using scoring::ItemModel;
using scoring::ItemParameters;

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

struct Errors {
  std::vector<double> errors, distances, standard;
  size_t covered = 0;
  void Add(double estimate, double truth, double se) {
    errors.push_back(estimate - truth);
    distances.push_back(std::abs(estimate - truth));
    standard.push_back(se);
    covered += std::abs(estimate - truth) <= 1.96 * se ? 1 : 0;
  }
  size_t count() const { return errors.size(); }
  double bias() const { return Median(errors); }
  double spread() const { return 1.4826 * Median(distances); }
  double se() const { return Median(standard); }
  double coverage() const { return static_cast<double>(covered) / static_cast<double>(count()); }
};

struct Cell {
  std::string model;
  size_t persons = 0;
  Errors slope, difficulty, asymptote;
  int not_converged = 0, no_errors = 0, runaway = 0;
};

Cell Study(ItemModel model, const std::string& name, size_t persons, int replications,
           size_t items) {
  Cell cell;
  cell.model = name;
  cell.persons = persons;
  for (int replication = 0; replication < replications; ++replication) {
    scoring::simulate::Chance chance(static_cast<uint64_t>(replication) * 1000003 + persons);
    std::vector<ItemParameters> truth =
        scoring::simulate::Items(chance, items, model == ItemModel::kThreeParameter);
    if (model == ItemModel::kOneParameter) {
      for (ItemParameters& item : truth) item.slope = 1.1;
    }
    const auto cells =
        scoring::simulate::Answers(chance, truth, scoring::simulate::Abilities(chance, persons));
    CalibrationOptions options;
    options.model = model;
    if (model == ItemModel::kThreeParameter) options.prior_logit_g = {-1.4, 0.5};
    const auto result = scoring::Calibrate({cells, persons, items}, options);
    if (!result.ok() || !result->converged) {
      ++cell.not_converged;
      continue;
    }
    if (!result->information_problem.empty()) {
      ++cell.no_errors;
      continue;
    }
    for (size_t i = 0; i < items; ++i) {
      const scoring::CalibratedItem& item = result->items[i];
      cell.runaway += item.parameters.slope > 10 ? 1 : 0;
      cell.slope.Add(item.parameters.slope, truth[i].slope, *item.se_slope);
      cell.difficulty.Add(item.parameters.difficulty, truth[i].difficulty, *item.se_difficulty);
      if (item.se_asymptote) {
        cell.asymptote.Add(item.parameters.lower_asymptote, truth[i].lower_asymptote,
                           *item.se_asymptote);
      }
    }
  }
  return cell;
}

void PrintLine(const Cell& cell, const char* parameter, const Errors& errors) {
  if (errors.count() == 0) return;
  std::printf("%-4s %6zu  %-2s  %8.4f  %7.4f  %7.4f  %5.1f %%  %3d  %3d  %3d\n", cell.model.c_str(),
              cell.persons, parameter, errors.bias(), errors.spread(), errors.se(),
              100 * errors.coverage(), cell.not_converged, cell.no_errors, cell.runaway);
}

// The spread of errors (full line) and the median standard error (dashed) of b against the sample
// size, both axes logarithmic.
std::string Plot(const std::vector<Cell>& cells) {
  constexpr double kWidth = 640, kHeight = 420, kLeft = 70, kTop = 30, kRight = 120, kBottom = 50;
  double low = 1e9, high = 0, fewest = 1e9, most = 0;
  for (const Cell& cell : cells) {
    if (cell.difficulty.count() == 0) continue;
    low = std::min({low, cell.difficulty.spread(), cell.difficulty.se()});
    high = std::max({high, cell.difficulty.spread(), cell.difficulty.se()});
    fewest = std::min(fewest, static_cast<double>(cell.persons));
    most = std::max(most, static_cast<double>(cell.persons));
  }
  low *= 0.8;
  high *= 1.2;
  const auto x = [&](double persons) {
    return kLeft + (kWidth - kLeft - kRight) * std::log(persons / fewest) / std::log(most / fewest);
  };
  const auto y = [&](double error) {
    return kHeight - kBottom -
           (kHeight - kTop - kBottom) * std::log(error / low) / std::log(high / low);
  };
  char text[400];
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 420\" "
      "font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"640\" height=\"420\" fill=\"white\"/>\n<text x=\"70\" "
      "y=\"18\">Error of item difficulty: its spread (full), median standard error "
      "(dashed)</text>\n";
  for (double persons = fewest; persons <= most; persons *= 2) {
    std::snprintf(text, sizeof text,
                  "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                  "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.0f</text>\n",
                  x(persons), kTop, x(persons), kHeight - kBottom, x(persons),
                  kHeight - kBottom + 18, persons);
    svg += text;
  }
  for (const double error : {0.02, 0.05, 0.1, 0.2, 0.5, 1.0}) {
    if (error < low || error > high) continue;
    std::snprintf(text, sizeof text,
                  "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                  "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                  kLeft, y(error), kWidth - kRight, y(error), kLeft - 6, y(error) + 4, error);
    svg += text;
  }
  const std::vector<std::pair<std::string, std::string>> series = {
      {"1pl", "#1b6ca8"}, {"2pl", "#c0392b"}, {"3pl", "#2e7d32"}};
  for (size_t s = 0; s < series.size(); ++s) {
    std::string full, dashed;
    double end = kTop;
    for (const Cell& cell : cells) {
      if (cell.model != series[s].first || cell.difficulty.count() == 0) continue;
      const double at = x(static_cast<double>(cell.persons));
      std::snprintf(text, sizeof text, "%.1f,%.1f ", at, y(cell.difficulty.spread()));
      full += text;
      std::snprintf(text, sizeof text, "%.1f,%.1f ", at, y(cell.difficulty.se()));
      dashed += text;
      end = y(cell.difficulty.spread());
    }
    const std::string line =
        "<polyline fill=\"none\" stroke=\"" + series[s].second + "\" stroke-width=\"2\" points=\"";
    svg += line + full + "\"/>\n" + line + dashed + "\" stroke-dasharray=\"5,4\"/>\n";
    std::snprintf(text, sizeof text, "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">%s</text>\n",
                  kWidth - kRight + 8, end + 4, series[s].second.c_str(), series[s].first.c_str());
    svg += text;
  }
  return svg + "<text x=\"290\" y=\"408\" text-anchor=\"middle\">persons</text>\n</svg>\n";
}

}  // namespace
}  // namespace invigil

int main(int argc, char** argv) {
  using namespace invigil;
  int64_t replications = 20, items = 40;
  std::string svg;
  config::Flags flags("study_recovery",
                      "Simulates answers, calibrates them, and compares estimates and standard "
                      "errors with the truth.");
  flags.Number("replications", &replications, 1, 10000, "Of each cell.");
  flags.Number("items", &items, 5, 500, "In the test.");
  flags.Text("svg", &svg, "FILE", "Also a plot.");
  flags.ParseOrExit(argc, argv);
  std::printf(
      "model persons     bias   spread       SE  cover95  not converged, without SE, slopes above "
      "10\n");
  std::vector<Cell> cells;
  for (const auto& [model, name] :
       {std::pair<ItemModel, const char*>{ItemModel::kOneParameter, "1pl"},
        {ItemModel::kTwoParameter, "2pl"},
        {ItemModel::kThreeParameter, "3pl"}}) {
    for (const size_t persons : {250, 500, 1000, 2000, 4000}) {
      cells.push_back(
          Study(model, name, persons, static_cast<int>(replications), static_cast<size_t>(items)));
      PrintLine(cells.back(), "a", cells.back().slope);
      PrintLine(cells.back(), "b", cells.back().difficulty);
      PrintLine(cells.back(), "g", cells.back().asymptote);
      std::fflush(stdout);
    }
  }
  if (svg.empty()) return 0;
  std::ofstream file(svg, std::ios::binary);
  file << Plot(cells);
  file.close();
  if (!file) std::fprintf(stderr, "study_recovery: can't write %s\n", svg.c_str());
  return file ? 0 : 1;
}
