// `invigil stats analyze`: classical item and test analysis of option choices.
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "services/cli/stats/choices.h"
#include "services/cli/stats/csv.h"
#include "services/cli/stats/or_null.h"
#include "services/cli/stats/subcommands.h"
#include "services/scoring/domain/classical/analysis.h"

namespace invigil::cli::stats {
namespace {

using scoring::classical::FlagRules;
using scoring::classical::ItemStatistics;
using scoring::classical::OptionStatistics;
using scoring::classical::TimeSummary;

absl::StatusOr<FlagRules> ReadRules(const Arguments& arguments) {
  FlagRules rules;
  const auto hold = arguments.Reals("p-hold", 2);
  if (!hold.ok()) return hold.status();
  const auto review = arguments.Reals("p-review", 2);
  if (!review.ok()) return review.status();
  rules.p_hold_low = (*hold)[0];
  rules.p_hold_high = (*hold)[1];
  rules.p_review_low = (*review)[0];
  rules.p_review_high = (*review)[1];
  const std::pair<const char*, double*> reals[] = {{"correlation-low", &rules.correlation_low},
                                                   {"correlation-hold", &rules.correlation_hold},
                                                   {"distractor-share", &rules.distractor_share},
                                                   {"group-share", &rules.group_share}};
  for (const auto& [flag, value] : reals) {
    const auto real = arguments.Real(flag, -1, 1);
    if (!real.ok()) return real.status();
    *value = *real;
  }
  return rules;
}

// Seconds per person for the items that the file has; a time that is missing is NaN.
absl::StatusOr<std::map<std::string, TimeSummary>> ReadTimes(const std::string& file) {
  std::map<std::string, TimeSummary> times;
  if (file.empty()) return times;
  const auto table = ReadCsv(file);
  if (!table.ok()) return table.status();
  for (size_t column = 0; column < table->columns.size(); ++column) {
    std::vector<double> seconds;
    for (size_t row = 0; row < table->rows.size(); ++row) {
      const std::string& cell = table->rows[row][column];
      if (cell.empty() || cell == "NA") {
        seconds.push_back(std::numeric_limits<double>::quiet_NaN());
        continue;
      }
      const auto value = table->Real(row, column);
      if (!value.ok()) return value.status();
      seconds.push_back(*value);
    }
    const auto summary = scoring::classical::SummarizeTimes(seconds);
    if (!summary.ok()) return summary.status();
    times[table->columns[column]] = *summary;
  }
  return times;
}

Json OptionRow(const OptionStatistics& option) {
  Json row;
  row["option"] = option.option;
  row["key"] = option.is_key;
  row["count"] = option.count;
  row["share"] = option.share;
  row["pointBiserialRest"] = OrNull(option.point_biserial_rest);
  if (!option.point_biserial_rest) row["reason"] = "NO_VARIANCE";
  row["meanTotal"] = OrNull(option.mean_total);
  row["upperShare"] = option.upper_share;
  row["lowerShare"] = option.lower_share;
  return row;
}

Json TimeRow(const TimeSummary& time) {
  Json row;
  row["count"] = time.count;
  row["median"] = time.median;
  row["mean"] = time.mean;
  row["lowerQuartile"] = time.lower_quartile;
  row["upperQuartile"] = time.upper_quartile;
  row["rapidShare"] = time.rapid_share;
  return row;
}

Json ItemRow(const ItemStatistics& item, const std::map<std::string, TimeSummary>& times) {
  Json row;
  row["item"] = item.item;
  row["p"] = item.p;
  row["pointBiserial"] = OrNull(item.point_biserial);
  row["correctedPointBiserial"] = OrNull(item.corrected_point_biserial);
  row["biserial"] = OrNull(item.biserial);
  if (!item.corrected_point_biserial) row["reason"] = "NO_VARIANCE";
  row["discrimination"] = item.discrimination;
  row["alphaIfDeleted"] = OrNull(item.alpha_if_deleted);
  row["omitted"] = item.omitted;
  row["flags"] = Json::array();
  for (std::string_view flag : item.flags) row["flags"].push_back(std::string(flag));
  if (const auto time = times.find(item.item); time != times.end()) {
    row["time"] = TimeRow(time->second);
  }
  row["options"] = Json::array();
  for (const OptionStatistics& option : item.options) row["options"].push_back(OptionRow(option));
  return row;
}

absl::Status Run(const Arguments& arguments, Report& report) {
  const auto rules = ReadRules(arguments);
  if (!rules.ok()) return rules.status();
  const auto file = ReadChoices(arguments.Text("responses"), arguments.Text("key"));
  if (!file.ok()) return file.status();
  const auto times = ReadTimes(arguments.Text("times"));
  if (!times.ok()) return times.status();
  const auto analysis = scoring::classical::Analyze(file->choices, *rules);
  if (!analysis.ok()) return analysis.status();

  const auto& test = analysis->test;
  Json& json = report.json();
  json["alpha"] = test.alpha;
  json["kr20"] = test.kr20;
  json["kr21"] = test.kr21;
  json["sem"] = test.sem;
  json["persons"] = test.persons;
  json["mean"] = test.mean;
  json["sd"] = test.deviation;
  json["upperCount"] = test.upper_count;
  json["lowerCount"] = test.lower_count;
  if (!file->ignored.empty()) json["ignoredColumns"] = file->ignored;
  json["items"] = Json::array();
  for (const ItemStatistics& item : analysis->items) {
    json["items"].push_back(ItemRow(item, *times));
  }
  const auto errors = scoring::classical::ConditionalErrorsOf(test);
  json["conditionalSem"] = Json::array();
  for (size_t x = 0; x < errors.lord.size(); ++x) {
    Json row;
    row["raw"] = x;
    row["count"] = test.frequencies[x];
    row["lord"] = errors.lord[x];
    row["keats"] = errors.keats.empty() ? Json() : Json(errors.keats[x]);
    if (errors.keats.empty()) row["reason"] = "KR21_IS_ONE";
    json["conditionalSem"].push_back(std::move(row));
  }
  return absl::OkStatus();
}

}  // namespace

Subcommand Analyze() {
  return {
      "analyze",
      "classical item and test analysis of option choices",
      "RAW.csv has one row per person and one column per item with the option chosen; empty is "
      "omitted, which is wrong. KEY.csv has the columns item and key; other columns of RAW.csv "
      "are left out and named. "
      "Flags: P_REVIEW, P_HOLD, CORRELATION_LOW, CORRELATION_HOLD (of the corrected "
      "point-biserial), NO_VARIANCE, DISTRACTOR_POSITIVE (a wrong option whose choosers do well "
      "on the rest), KEY_SUSPECT (a wrong option that separates better than the key, or that "
      "more of the upper group choose).",
      {{"responses", "FILE", "Options chosen.", "", true},
       {"key", "FILE", "The right option of each item.", "", true},
       {"times", "FILE", "Seconds, in rows and columns as the responses: adds a summary.", ""},
       {"p-hold", "LOW,HIGH", "P_HOLD below and above.", "0.2,0.95"},
       {"p-review", "LOW,HIGH", "P_REVIEW below LOW and from HIGH on.", "0.3,0.9"},
       {"correlation-low", "R", "CORRELATION_LOW below.", "0.15"},
       {"correlation-hold", "R", "CORRELATION_HOLD below.", "0"},
       {"distractor-share", "SHARE", "Wrong options chosen by fewer are not judged.", "0.02"},
       {"group-share", "SHARE", "Of the upper and of the lower group.", "0.27"}},
      Run};
}

}  // namespace invigil::cli::stats
