// `invigil stats standard-setting`: the cut from judges' ratings.
#include <cmath>

#include "common/error/error.h"
#include "services/cli/core/failure.h"
#include "services/cli/stats/or_null.h"
#include "services/cli/stats/responses.h"
#include "services/cli/stats/subcommands.h"
#include "services/scoring/domain/decisions/angoff.h"
#include "services/scoring/domain/decisions/bookmark.h"
#include "services/scoring/domain/decisions/compromise.h"

namespace invigil::cli::stats {
namespace {

absl::StatusOr<CsvTable> Table(const Arguments& arguments, const std::string& flag) {
  if (!arguments.Has(flag)) return UsageError("this method wants --" + flag);
  return ReadCsv(arguments.Text(flag));
}

// Texts of a column.
absl::StatusOr<std::vector<std::string>> Texts(const CsvTable& table, const std::string& name) {
  const auto column = table.Column(name);
  if (!column.ok()) return column.status();
  std::vector<std::string> texts;
  for (const auto& row : table.rows) texts.push_back(row[*column]);
  return texts;
}

absl::StatusOr<std::vector<int>> Whole(const CsvTable& table, const std::string& name) {
  const auto values = table.Reals(name);
  if (!values.ok()) return values.status();
  std::vector<int> whole;
  for (size_t row = 0; row < values->size(); ++row) {
    const double value = (*values)[row];
    if (value != std::floor(value) || std::abs(value) > 1e6) {
      return InvalidArgument("CSV_VALUE", table.name + " line " + std::to_string(table.lines[row]) +
                                              ": " + name + " must be a whole number");
    }
    whole.push_back(static_cast<int>(value));
  }
  return whole;
}

absl::Status RunAngoff(const Arguments& arguments, Json& json) {
  const auto table = Table(arguments, "ratings");
  if (!table.ok()) return table.status();
  const auto judges = Texts(*table, "judge");
  if (!judges.ok()) return judges.status();
  const auto items = Texts(*table, "item");
  if (!items.ok()) return items.status();
  const auto values = table->Reals("rating");
  if (!values.ok()) return values.status();
  std::vector<int> rounds(values->size(), 1);
  if (table->Find("round")) {
    auto given = Whole(*table, "round");
    if (!given.ok()) return given.status();
    rounds = *std::move(given);
  }
  std::vector<scoring::AngoffRating> ratings;
  for (size_t i = 0; i < values->size(); ++i) {
    ratings.push_back({rounds[i], (*judges)[i], (*items)[i], (*values)[i]});
  }
  std::map<std::string, double> difficulty;
  if (arguments.Has("difficulty")) {
    const auto given = Table(arguments, "difficulty");
    if (!given.ok()) return given.status();
    const auto names = Texts(*given, "item");
    if (!names.ok()) return names.status();
    const auto p = given->Reals("p");
    if (!p.ok()) return p.status();
    for (size_t i = 0; i < p->size(); ++i) difficulty[(*names)[i]] = (*p)[i];
  }
  const auto result = scoring::Angoff(ratings, difficulty);
  if (!result.ok()) return result.status();
  json["cut"] = result->cut();
  json["se"] = result->se();
  json["rounds"] = Json::array();
  for (const scoring::AngoffRound& round : result->rounds) {
    Json row;
    row["round"] = round.round;
    row["judgeCount"] = round.judges.size();
    row["items"] = round.items;
    row["cut"] = round.cut;
    row["sd"] = round.sd;
    row["se"] = round.se;
    row["seJudgesAndItems"] = round.se_judges_and_items;
    row["judgeVariance"] = round.judge_variance;
    row["itemVariance"] = round.item_variance;
    row["residualVariance"] = round.residual_variance;
    row["dependability"] = OrNull(round.dependability);
    row["judges"] = Json::array();
    for (const scoring::AngoffJudge& judge : round.judges) {
      Json one;
      one["judge"] = judge.judge;
      one["cut"] = judge.cut;
      one["agreement"] = OrNull(judge.agreement);
      one["meanDifference"] = judge.mean_difference;
      if (!difficulty.empty()) one["difficultyCorrelation"] = OrNull(judge.difficulty_correlation);
      if (!judge.agreement || (!difficulty.empty() && !judge.difficulty_correlation)) {
        one["reason"] = "NO_VARIANCE";
      }
      row["judges"].push_back(std::move(one));
    }
    json["rounds"].push_back(std::move(row));
  }
  return absl::OkStatus();
}

absl::Status RunBookmark(const Arguments& arguments, Json& json) {
  if (!arguments.Has("items")) return UsageError("bookmark wants --items");
  const auto place = arguments.Choice("place", {"marked", "previous", "midpoint"});
  if (!place.ok()) return place.status();
  const auto rp = arguments.Real("rp", 0, 1);
  if (!rp.ok()) return rp.status();
  const auto d = arguments.Real("d", 0, 10);
  if (!d.ok()) return d.status();
  const auto average = arguments.Choice("average", {"median", "mean"});
  if (!average.ok()) return average.status();
  const auto items = ReadItems(arguments.Text("items"));
  if (!items.ok()) return items.status();
  const auto table = Table(arguments, "judgements");
  if (!table.ok()) return table.status();
  const auto judges = Texts(*table, "judge");
  if (!judges.ok()) return judges.status();
  const auto pages = Whole(*table, "page");
  if (!pages.ok()) return pages.status();
  constexpr scoring::BookmarkPlace kPlaces[] = {scoring::BookmarkPlace::kMarked,
                                                scoring::BookmarkPlace::kPrevious,
                                                scoring::BookmarkPlace::kMidpoint};
  const auto result = scoring::Bookmark(
      items->parameters, *pages,
      {.response_probability = *rp, .d = *d, .place = kPlaces[*place], .median = *average == 0});
  if (!result.ok()) return result.status();
  json["thetaCut"] = result->theta_cut;
  json["cut"] = result->raw_cut;
  json["sd"] = result->sd;
  json["se"] = result->se;
  json["responseProbability"] = *rp;
  json["d"] = *d;
  json["place"] = arguments.Text("place");
  json["average"] = arguments.Text("average");
  json["judges"] = Json::array();
  for (size_t j = 0; j < pages->size(); ++j) {
    Json row;
    row["judge"] = (*judges)[j];
    row["page"] = (*pages)[j];
    row["theta"] = result->judge_theta[j];
    json["judges"].push_back(std::move(row));
  }
  json["booklet"] = Json::array();
  for (size_t page = 0; page < result->booklet.size(); ++page) {
    Json row;
    row["page"] = page + 1;
    row["item"] = items->items[result->booklet[page].item];
    row["location"] = result->booklet[page].location;
    json["booklet"].push_back(std::move(row));
  }
  return absl::OkStatus();
}

// The candidates' scores and the greatest one possible.
struct Candidates {
  std::vector<double> scores;
  int max = 0;
};

absl::StatusOr<Candidates> ReadCandidates(const Arguments& arguments) {
  const auto max = arguments.Number("max", 1, 100'000);
  if (!max.ok()) return max.status();
  const auto table = Table(arguments, "scores");
  if (!table.ok()) return table.status();
  auto scores = table->Reals(arguments.Text("column"));
  if (!scores.ok()) return scores.status();
  return Candidates{*std::move(scores), static_cast<int>(*max)};
}

absl::Status RunBeuk(const Arguments& arguments, Json& json) {
  const auto candidates = ReadCandidates(arguments);
  if (!candidates.ok()) return candidates.status();
  const auto table = Table(arguments, "judgements");
  if (!table.ok()) return table.status();
  const auto judges = Texts(*table, "judge");
  if (!judges.ok()) return judges.status();
  const auto cuts = table->Reals("cut");
  if (!cuts.ok()) return cuts.status();
  const auto rates = table->Reals("passRate");
  if (!rates.ok()) return rates.status();
  std::vector<scoring::BeukJudgement> judgements;
  for (size_t j = 0; j < judges->size(); ++j) {
    judgements.push_back({(*judges)[j], (*cuts)[j], (*rates)[j]});
  }
  const auto result = scoring::Beuk(judgements, candidates->scores, candidates->max);
  if (!result.ok()) return result.status();
  json["cut"] = result->cut;
  json["passRate"] = result->pass_rate;
  json["meanCut"] = result->mean_cut;
  json["meanPassRate"] = result->mean_pass_rate;
  json["slope"] = result->slope;
  if (!std::isfinite(result->slope)) json["slopeReason"] = "UPRIGHT";
  return absl::OkStatus();
}

absl::Status RunHofstee(const Arguments& arguments, Json& json) {
  const auto candidates = ReadCandidates(arguments);
  if (!candidates.ok()) return candidates.status();
  const auto table = Table(arguments, "judgements");
  if (!table.ok()) return table.status();
  const auto judges = Texts(*table, "judge");
  if (!judges.ok()) return judges.status();
  std::vector<std::vector<double>> columns;
  for (const std::string name : {"leastCut", "greatestCut", "leastFailRate", "greatestFailRate"}) {
    auto column = table->Reals(name);
    if (!column.ok()) return column.status();
    columns.push_back(*std::move(column));
  }
  std::vector<scoring::HofsteeJudgement> judgements;
  for (size_t j = 0; j < judges->size(); ++j) {
    judgements.push_back(
        {(*judges)[j], columns[0][j], columns[1][j], columns[2][j], columns[3][j]});
  }
  const auto result = scoring::Hofstee(judgements, candidates->scores, candidates->max);
  if (!result.ok()) return result.status();
  json["cut"] = result->cut;
  json["passRate"] = result->pass_rate;
  json["leastCut"] = result->least_cut;
  json["greatestCut"] = result->greatest_cut;
  json["leastFailRate"] = result->least_fail_rate;
  json["greatestFailRate"] = result->greatest_fail_rate;
  return absl::OkStatus();
}

absl::Status RunStandardSetting(const Arguments& arguments, Report& report) {
  const std::vector<std::string> methods = {"angoff", "bookmark", "beuk", "hofstee"};
  const auto method = arguments.Choice("method", methods);
  if (!method.ok()) return method.status();
  Json& json = report.json();
  json["method"] = methods[*method];
  constexpr absl::Status (*kRun[])(const Arguments&, Json&) = {RunAngoff, RunBookmark, RunBeuk,
                                                               RunHofstee};
  return kRun[*method](arguments, json);
}

}  // namespace

Subcommand StandardSetting() {
  return {
      "standard-setting",
      "the cut from judges' ratings",
      "angoff: --ratings with the columns judge, item, rating (0 to 1) and, for several rounds, "
      "round. "
      "The cut is the mean over judges of their sums in the last round, se = sd / sqrt(judges); "
      "seJudgesAndItems also lets items vary. agreement is each judge's correlation with the mean "
      "of "
      "the others. --difficulty (item, p) adds the correlation with what candidates did.\n\n"
      "bookmark: --items and --judgements with judge, page (1: the easiest item).\n\n"
      "beuk: --judgements with judge, cut, passRate (0 to 1); hofstee: judge, leastCut, "
      "greatestCut, "
      "leastFailRate, greatestFailRate. Both with the candidates' --scores and --max.\n\n"
      "Cuts are unrounded raw points.",
      {
          {"method", "NAME", "angoff, bookmark, beuk or hofstee.", "", true},
          {"ratings", "FILE", "Angoff: a row per judge, item and round.", ""},
          {"difficulty", "FILE", "Angoff: columns item, p.", ""},
          {"judgements", "FILE", "The other methods: a row per judge.", ""},
          {"items", "FILE", "Bookmark: columns item, a, b, g.", ""},
          {"rp", "P", "Bookmark: the response probability; .50 is usual with the Rasch model.",
           "0.67"},
          {"d", "D", "Bookmark: constant of the logistic, 1 or 1.7.", "1"},
          {"place", "WHICH", "Bookmark: ability of the marked item, the previous, or the midpoint.",
           "marked"},
          {"average", "KIND", "Bookmark: median or mean of the judges.", "median"},
          {"scores", "FILE", "Beuk, Hofstee: a row per candidate with the column --column.", ""},
          {"column", "NAME", "The column of --scores.", "total"},
          {"max", "SCORE", "The greatest raw score possible.", ""},
      },
      RunStandardSetting,
  };
}

}  // namespace invigil::cli::stats
