#include "services/cli/report/report_text.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

using session::v1::GetScoreReportResponse;

std::string Rounded(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

const char* BandWords(session::v1::DomainBand band) {
  switch (band) {
    case session::v1::DOMAIN_BAND_ABOVE:
      return "above just passing";
    case session::v1::DOMAIN_BAND_BELOW:
      return "below just passing";
    case session::v1::DOMAIN_BAND_NOT_ENOUGH_EVIDENCE:
      return "not enough evidence";
    default:
      return "not stated";
  }
}

// The ends of one standard error, kept on the scale.
std::pair<int, int> Band(const GetScoreReportResponse& report) {
  const double error = std::max(0.0, report.standard_error());
  const int low = static_cast<int>(std::lround(report.scaled_score() - error));
  const int high = static_cast<int>(std::lround(report.scaled_score() + error));
  return {std::max(low, report.scale_min()), std::min(high, report.scale_max())};
}

std::string Domains(const GetScoreReportResponse& report, size_t width) {
  constexpr size_t kBandWidth = 19, kWeightWidth = 6;
  const size_t name_width = width - 2 - kBandWidth - kWeightWidth - 4;
  std::string out = "  " + PadRight("Domain", name_width) + "  Weight  Result\n";
  out += "  " + std::string(width - 2, '-') + "\n";
  for (const auto& domain : report.domains()) {
    const double percent = domain.weight_percent();
    const std::string weight = Rounded(percent, percent == std::round(percent) ? 0 : 1) + "%";
    const auto name = Wrap(Printable(domain.domain_id() + " " + domain.name()), name_width);
    out += "  " + PadRight(name[0], name_width) + "  " + PadLeft(weight, kWeightWidth) + "  " +
           BandWords(domain.band()) + "\n";
    for (size_t i = 1; i < name.size(); ++i) out += "  " + name[i] + "\n";
    if (!domain.explanation().empty()) {
      out += WrapIndented(Printable(domain.explanation()), width, 6);
    }
  }
  return out;
}

}  // namespace

std::string ScaleLine(const GetScoreReportResponse& report, size_t width) {
  const std::string left = std::to_string(report.scale_min()) + " |";
  const std::string right = "| " + std::to_string(report.scale_max());
  const size_t used = left.size() + right.size();
  const size_t columns = width > used + 10 ? width - used : 10;
  const double range = std::max(1, report.scale_max() - report.scale_min());
  const auto column = [&](double score) {
    const double share = std::clamp((score - report.scale_min()) / range, 0.0, 1.0);
    return static_cast<size_t>(std::lround(share * static_cast<double>(columns - 1)));
  };
  std::string line(columns, '.');
  const auto [low, high] = Band(report);
  for (size_t i = column(low); i <= column(high); ++i) line[i] = '=';
  line[column(report.cut_score())] = ':';
  line[column(report.scaled_score())] = '*';
  return left + line + right;
}

std::string ReportText(const GetScoreReportResponse& report, size_t width) {
  width = std::max<size_t>(width, 44);
  const std::string rule(width, '=');
  std::string out = rule + "\n";
  const std::string label = report.practice_estimate() ? "practice estimate" : "";
  const auto title = Wrap(Printable(report.title()), width - label.size() - 4);
  out += "  " + PadRight(title[0], width - label.size() - 4) + label + "\n";
  for (size_t i = 1; i < title.size(); ++i) out += "  " + title[i] + "\n";
  out += rule + "\n\n";

  out += "  Scaled score   " + std::to_string(report.scaled_score()) + "   " +
         (report.passed() ? "PASS" : "FAIL") + "\n";
  out += WrapIndented("on a scale from " + std::to_string(report.scale_min()) + " to " +
                          std::to_string(report.scale_max()) + "; " +
                          std::to_string(report.cut_score()) + " passes",
                      width, 17);
  out += "\n  " + ScaleLine(report, width - 4) + "\n";
  out +=
      WrapIndented("* is the score, = one standard error around it, : what just passes", width, 2);
  const auto [low, high] = Band(report);
  out += "\n" + WrapIndented("Chance alone moves such a score by about " +
                                 Rounded(report.standard_error(), 0) +
                                 " points either way (one standard error): from " +
                                 std::to_string(low) + " to " + std::to_string(high) + ".",
                             width, 2);
  if (!report.domains().empty()) out += "\n" + Domains(report, width);
  if (!report.basis().empty()) out += "\n" + WrapIndented(Printable(report.basis()), width, 2);
  if (!report.disclaimer().empty()) {
    out += "\n" + WrapIndented(Printable(report.disclaimer()), width, 2);
  }
  out += "\n  Session " + Printable(report.session_id());
  if (report.has_score_time()) {
    std::string time = google::protobuf::util::TimeUtil::ToString(report.score_time());
    if (time.size() >= 16) time = time.substr(0, 10) + " " + time.substr(11, 5) + " UTC";
    const std::string scored = "scored " + time;
    out += (width >= 80 ? ", " : "\n  ") + scored;
  }
  if (report.score_version() > 1) out += ", version " + std::to_string(report.score_version());
  return out + "\n";
}

std::string ExplanationText(const scoring::v1::ExplainScoreResponse& explanation, size_t width,
                            int around) {
  width = std::max<size_t>(width, 44);
  std::string out = WrapIndented(Printable(explanation.text()), width, 2);
  const int raw = static_cast<int>(explanation.score().raw_score());
  const int cut = static_cast<int>(explanation.cut_raw());
  const auto near = [&](int row) {
    return std::abs(row - raw) <= around || std::abs(row - cut) <= around;
  };
  std::vector<std::vector<std::string>> rows = {
      {"", "Correct", "Theta", "Base form", "Unrounded", "Scaled", "Error", "Result"}};
  bool gap = false;
  for (const auto& row : explanation.conversion()) {
    const int number = static_cast<int>(row.raw_score());
    if (!near(number)) {
      gap = true;
      continue;
    }
    if (gap && rows.size() > 1) rows.push_back({"", "..."});
    gap = false;
    rows.push_back({number == raw ? "->" : "", std::to_string(number),
                    row.has_theta() ? Rounded(row.theta(), 2) : "-", Rounded(row.base_raw(), 2),
                    Rounded(row.scaled_unrounded(), 2), std::to_string(row.scaled_score()),
                    Rounded(row.standard_error(), 1),
                    std::string(row.passed() ? "pass" : "fail") +
                        (number == cut ? ", least that passes" : "")});
  }
  if (rows.size() > 1) out += "\n" + Table(rows, {1, 2, 3, 4, 5, 6});
  return out;
}

}  // namespace invigil::cli
