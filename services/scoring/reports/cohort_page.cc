#include "services/scoring/reports/cohort_page.h"

#include "absl/time/time.h"
#include "services/scoring/domain/pages/html.h"
#include "services/scoring/domain/pages/plots.h"

namespace invigil::scoring::reports {
namespace {

std::string Day(Time at) {
  return absl::FormatTime("%Y-%m-%d", absl::FromUnixMicros(ToUnixMicros(at)), absl::UTCTimeZone());
}

std::string OrNone(const std::optional<double>& value, int digits) {
  return value ? Number(*value, digits) : "can't be told";
}

std::string Interval(const Rate& rate) {
  return Percent(rate.low, 1) + " to " + Percent(rate.high, 1);
}

std::string Summary(const CohortNumbers& numbers) {
  Table table{.caption = "All sessions together, newest versions of their scores.",
              .columns = {"Measure", "Value"},
              .numeric = {1},
              .rows = {}};
  auto& rows = table.rows;
  rows.push_back({"Sessions", std::to_string(numbers.passed.of)});
  rows.push_back({"Forms", std::to_string(numbers.forms)});
  rows.push_back({"Passed", std::to_string(numbers.passed.hits)});
  rows.push_back({"Pass rate", Percent(numbers.passed.rate, 1)});
  rows.push_back({"95 % interval of the pass rate (Wilson)", Interval(numbers.passed)});
  rows.push_back({"Mean scaled score", Number(numbers.mean, 1)});
  rows.push_back({"Standard deviation", Number(numbers.deviation, 1)});
  if (numbers.forms == 1) rows.push_back({"Alpha", OrNone(numbers.alpha, 3)});
  rows.push_back({"Reliability of scaled scores", OrNone(numbers.reliability, 3)});
  rows.push_back({"Standard error of measurement", Number(numbers.standard_error, 1)});
  rows.push_back({"The same near the cut", OrNone(numbers.standard_error_at_cut, 1)});
  rows.push_back({"Decision consistency (Rudner)", Percent(numbers.consistency, 1)});
  rows.push_back({"Decision accuracy (Rudner)", Percent(numbers.accuracy, 1)});
  std::string out = Render(table);
  if (numbers.left_out > 0) {
    out += Paragraph(std::to_string(numbers.left_out) +
                         " sessions are not in these numbers: there "
                         "are more than a report takes, or their scale is another.",
                     "small");
  }
  return out;
}

std::string Scores(const CohortNumbers& numbers) {
  HistogramPlot plot{.bars = {},
                     .cut = static_cast<double>(numbers.scale.cut),
                     .title = "Histogram of scaled scores; the same numbers stand in the table."};
  Table table{.caption = "Scaled scores; columns without a session are left out.",
              .columns = {"Scores", "Sessions"},
              .numeric = {1},
              .rows = {}};
  for (const Bin& bin : numbers.histogram) {
    plot.bars.push_back({static_cast<double>(bin.from), static_cast<double>(bin.to), bin.count});
    if (bin.count == 0) continue;
    table.rows.push_back(
        {std::to_string(bin.from) + " to " + std::to_string(bin.to), std::to_string(bin.count)});
  }
  return Draw(plot) + Render(table);
}

std::string OverTime(const CohortNumbers& numbers) {
  RatePlot plot{.points = {},
                .overall = numbers.passed.rate,
                .title =
                    "Pass rate over time with its intervals; the same numbers stand in the "
                    "table."};
  Table table{.caption = "Days, or weeks when there are many, with sessions (UTC).",
              .columns = {"From", "Sessions", "Passed", "Pass rate", "95 % interval"},
              .numeric = {1, 2, 3, 4},
              .rows = {}};
  for (const Period& period : numbers.periods) {
    const Rate& rate = period.passed;
    plot.points.push_back({Day(period.start), rate.rate, rate.low, rate.high});
    table.rows.push_back({Day(period.start), std::to_string(rate.of), std::to_string(rate.hits),
                          Percent(rate.rate, 1), Interval(rate)});
  }
  return Draw(plot) + Render(table);
}

std::string Items(const CohortNumbers& numbers) {
  size_t flagged = 0;
  Table table{.caption = "Scored items with a flag.",
              .columns = {"Item", "Domain", "Answers", "Right", "Expected", "z", "r", "Flags"},
              .numeric = {2, 3, 4, 5, 6},
              .rows = {}};
  for (const ItemResult& item : numbers.items) {
    if (item.flags.empty()) continue;
    if (++flagged > kMostRows) continue;
    std::string flags;
    for (const std::string& flag : item.flags) flags += (flags.empty() ? "" : ", ") + flag;
    table.rows.push_back({item.item_id, item.domain_id, std::to_string(item.answers),
                          Percent(item.p, 1), Percent(item.expected_p, 1), Number(item.drift_z, 1),
                          item.corrected_r ? Number(*item.corrected_r, 2) : "none", flags});
  }
  std::string out =
      Paragraph(std::to_string(flagged) + " of " + std::to_string(numbers.items.size()) +
                " scored items have a flag. An item is looked at from " +
                std::to_string(kLeastAnswers) + " answers on.");
  if (flagged > 0) out += Render(table);
  return out;
}

}  // namespace

std::string CohortPage(const CohortNumbers& numbers) {
  std::string alarms;
  for (const std::string& alarm : numbers.alarms) alarms += Paragraph(alarm, "alarm");
  if (alarms.empty()) alarms = Paragraph("Nothing stands out.");
  std::string body = Section("summary", "Summary", Summary(numbers)) +
                     Section("alarms", "What a person should look at", alarms) +
                     Section("scores", "Scores", Scores(numbers)) +
                     Section("time", "Pass rate over time", OverTime(numbers)) +
                     Section("items", "Items", Items(numbers));
  if (!numbers.disclaimer.empty()) {
    body += Section("meaning", "What these numbers are", Paragraph(numbers.disclaimer));
  }
  return Render(Page{.title = numbers.title,
                     .kind = numbers.form_id.empty() ? "Practice estimate \u00b7 cohort report"
                                                     : "Practice estimate \u00b7 form report",
                     .subtitle = "Exam " + numbers.exam_id +
                                 (numbers.form_id.empty() ? "" : ", form " + numbers.form_id) +
                                 "; for staff",
                     .body = body});
}

}  // namespace invigil::scoring::reports
