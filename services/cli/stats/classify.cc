// `invigil stats classify`: accuracy and consistency of pass and fail.
#include <cmath>

#include "common/error/error.h"
#include "services/cli/core/failure.h"
#include "services/cli/stats/or_null.h"
#include "services/cli/stats/responses.h"
#include "services/cli/stats/subcommands.h"
#include "services/scoring/domain/decisions/classification.h"
#include "services/scoring/domain/decisions/livingston_lewis.h"

namespace invigil::cli::stats {
namespace {

struct Scores {
  std::vector<double> totals;
  std::optional<double> alpha, max;  // of a response file
};

// Number correct of each person, and coefficient alpha (Cronbach 1951).
absl::StatusOr<Scores> FromResponses(const std::string& file) {
  const auto responses = ReadResponses(file);
  if (!responses.ok()) return responses.status();
  const size_t items = responses->items.size();
  const auto n = static_cast<double>(responses->persons);
  Scores scores{.max = static_cast<double>(items)};
  std::vector<double> right(items, 0);
  double sum = 0, squares = 0;
  for (size_t person = 0; person < responses->persons; ++person) {
    double total = 0;
    for (size_t item = 0; item < items; ++item) {
      const int8_t cell = responses->at(person, item);
      if (cell < 0) {
        return InvalidArgument("RESPONSE_MISSING", "person " + std::to_string(person + 1) + " of " +
                                                       file + " has no response to " +
                                                       responses->items[item] +
                                                       "; number correct needs every cell");
      }
      total += cell;
      right[item] += cell;
    }
    scores.totals.push_back(total);
    sum += total;
    squares += total * total;
  }
  double within = 0;
  for (double r : right) within += r / n * (1 - r / n);
  const double variance = squares / n - sum / n * (sum / n);
  if (items > 1 && variance > 0) {
    const auto k = static_cast<double>(items);
    scores.alpha = k / (k - 1) * (1 - within / variance);
  }
  return scores;
}

absl::StatusOr<Scores> ReadScores(const Arguments& arguments) {
  if (arguments.Has("responses") == arguments.Has("scores")) {
    return UsageError("livingston-lewis wants either --responses or --scores");
  }
  if (arguments.Has("responses")) return FromResponses(arguments.Text("responses"));
  const auto table = ReadCsv(arguments.Text("scores"));
  if (!table.ok()) return table.status();
  auto totals = table->Reals(arguments.Text("column"));
  if (!totals.ok()) return totals.status();
  return Scores{.totals = *std::move(totals)};
}

void Put(const scoring::Classification& c, Json& json) {
  json["accuracy"] = c.accuracy;
  json["consistency"] = c.consistency;
  json["chanceConsistency"] = c.chance_consistency;
  json["kappa"] = OrNull(c.kappa);
  if (!c.kappa) json["kappaReason"] = "ONE_CATEGORY";
  json["falsePositive"] = c.false_positive;
  json["falseNegative"] = c.false_negative;
  json["categories"] = Json::array();
  for (size_t k = 0; k < c.observed.size(); ++k) {
    Json row;
    row["category"] = k;
    row["observed"] = c.observed[k];
    row["true"] = c.true_share[k];
    json["categories"].push_back(std::move(row));
  }
}

absl::Status RunLivingstonLewis(const Arguments& arguments, const std::vector<double>& cuts,
                                Json& json) {
  if (cuts.size() != 1) return UsageError("livingston-lewis takes one --cut");
  const auto model = arguments.Choice("true-score", {"2p", "4p"});
  if (!model.ok()) return model.status();
  const auto min = arguments.Real("min", -1e9, 1e9);
  if (!min.ok()) return min.status();
  auto scores = ReadScores(arguments);
  if (!scores.ok()) return scores.status();
  if (arguments.Has("max")) {
    const auto max = arguments.Real("max", -1e9, 1e9);
    if (!max.ok()) return max.status();
    scores->max = *max;
  }
  if (!scores->max) return UsageError("--scores needs --max, the greatest score possible");
  std::optional<double> reliability = scores->alpha;
  if (arguments.Has("reliability")) {
    const auto given = arguments.Real("reliability", 0, 1);
    if (!given.ok()) return given.status();
    reliability = *given;
  }
  if (!reliability) {
    return UsageError("give --reliability; these scores tell nothing about it by themselves");
  }
  const auto result =
      scoring::LivingstonLewis({.scores = scores->totals,
                                .reliability = *reliability,
                                .min = *min,
                                .max = *scores->max,
                                .cut = cuts[0],
                                .model = *model == 0 ? scoring::TrueScoreModel::kTwoParameter
                                                     : scoring::TrueScoreModel::kFourParameter});
  if (!result.ok()) return result.status();
  Put(result->classification, json);
  json["reliability"] = *reliability;
  json["effectiveLength"] = result->effective_length;
  json["effectiveLengthRounded"] = result->rounded_length;
  json["trueScore"]["model"] =
      result->model == scoring::TrueScoreModel::kFourParameter ? "4p" : "2p";
  json["trueScore"]["alpha"] = result->true_scores.alpha;
  json["trueScore"]["beta"] = result->true_scores.beta;
  json["trueScore"]["low"] = result->true_scores.low;
  json["trueScore"]["high"] = result->true_scores.high;
  if (!result->fallback.empty()) json["trueScore"]["fallback"] = result->fallback;
  return absl::OkStatus();
}

absl::StatusOr<scoring::AbilityNodes> Nodes(const Arguments& arguments, const CsvTable* persons) {
  if (persons != nullptr) {
    auto theta = persons->Reals("theta");
    if (!theta.ok()) return theta.status();
    const size_t count = theta->size();
    return scoring::AbilityNodes{*std::move(theta), std::vector<double>(count, 1)};
  }
  const auto grid = arguments.Reals("quadrature", 3);
  if (!grid.ok()) return grid.status();
  const double count = (*grid)[0];
  if (!(count >= 2 && count <= 100'000) || count != std::floor(count) ||
      !((*grid)[1] < (*grid)[2])) {
    return UsageError("--quadrature wants COUNT,LOW,HIGH: 2 nodes or more, LOW below HIGH");
  }
  return scoring::NormalNodes(static_cast<int>(count), (*grid)[1], (*grid)[2]);
}

absl::Status RunIrt(const Arguments& arguments, bool lee, const std::vector<double>& cuts,
                    Json& json) {
  std::optional<CsvTable> persons;
  if (arguments.Has("persons")) {
    auto table = ReadCsv(arguments.Text("persons"));
    if (!table.ok()) return table.status();
    persons = *std::move(table);
  }
  const auto nodes = Nodes(arguments, persons ? &*persons : nullptr);
  if (!nodes.ok()) return nodes.status();
  json["abilities"] = persons ? "persons" : "quadrature";
  std::optional<ItemFile> items;
  if (arguments.Has("items")) {
    auto file = ReadItems(arguments.Text("items"));
    if (!file.ok()) return file.status();
    items = *std::move(file);
  }
  if (lee) {
    if (!items) return UsageError("lee wants --items");
    const auto result = scoring::LeeClassification(items->parameters, cuts, *nodes);
    if (!result.ok()) return result.status();
    Put(*result, json);
    return absl::OkStatus();
  }
  std::vector<double> errors;
  if (persons && persons->Find("se")) {
    auto column = persons->Reals("se");
    if (!column.ok()) return column.status();
    errors = *std::move(column);
  } else {
    if (!items) {
      return UsageError("rudner wants --items, or --persons with the columns theta and se");
    }
    auto information = scoring::InformationErrors(items->parameters, *nodes);
    if (!information.ok()) return information.status();
    errors = *std::move(information);
  }
  const auto result = scoring::RudnerClassification(cuts, *nodes, errors);
  if (!result.ok()) return result.status();
  Put(*result, json);
  return absl::OkStatus();
}

absl::Status RunClassify(const Arguments& arguments, Report& report) {
  const std::vector<std::string> methods = {"livingston-lewis", "lee", "rudner"};
  const auto method = arguments.Choice("method", methods);
  if (!method.ok()) return method.status();
  const auto cuts = arguments.Reals("cut", 0);
  if (!cuts.ok()) return cuts.status();
  Json& json = report.json();
  json["method"] = methods[*method];
  json["cut"] = cuts->size() == 1 ? Json((*cuts)[0]) : Json(*cuts);
  if (*method == 0) return RunLivingstonLewis(arguments, *cuts, json);
  return RunIrt(arguments, *method == 1, *cuts, json);
}

}  // namespace

Subcommand Classify() {
  return {
      "classify",
      "how far pass and fail can be trusted",
      "Accuracy (the decision is the true score's), consistency (another form would decide alike), "
      "the "
      "consistency of chance, kappa, and the shares passed or failed wrongly. A score at the cut "
      "passes; "
      "several cuts (lee, rudner) make several categories.\n\n"
      "livingston-lewis: --responses (reliability: coefficient alpha unless given) or --scores "
      "with "
      "--reliability and --max; the cut is a score.\n"
      "lee: --items, and abilities by --quadrature or --persons; the cut is a number correct.\n"
      "rudner: the cut is an ability; standard errors are 1 / sqrt(information) of --items at the "
      "abilities, or the column se of --persons.",
      {
          {"method", "NAME", "livingston-lewis, lee or rudner.", "", true},
          {"cut", "C[,C...]", "What passes.", "", true},
          {"responses", "FILE", "A column per item, a row per person: 0, 1.", ""},
          {"scores", "FILE", "A row per person with the column --column.", ""},
          {"column", "NAME", "The column of --scores.", "total"},
          {"reliability", "R", "Of the scores, between 0 and 1.", ""},
          {"min", "SCORE", "The least score possible.", "0"},
          {"max", "SCORE", "The greatest; of --responses: the number of items.", ""},
          {"true-score", "MODEL", "Beta distribution of true scores: 4p, or 2p on 0 to 1.", "4p"},
          {"items", "FILE", "Columns item, a, b, g.", ""},
          {"persons", "FILE", "Columns theta and, for rudner, se: the persons' own abilities.", ""},
          {"quadrature", "N,LOW,HIGH", "Nodes of a standard normal population.", "61,-6,6"},
      },
      RunClassify,
  };
}

}  // namespace invigil::cli::stats
