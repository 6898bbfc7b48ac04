// `invigil stats dif`: differential item functioning between two groups.
#include <algorithm>
#include <cstdint>

#include "common/error/error.h"
#include "services/cli/stats/or_null.h"
#include "services/cli/stats/responses.h"
#include "services/cli/stats/subcommands.h"
#include "services/scoring/domain/dif/logistic_dif.h"
#include "services/scoring/domain/dif/mantel_haenszel.h"

namespace invigil::cli::stats {
namespace {

using scoring::DifClass;
using scoring::DifData;

struct Input {
  DifData data;
  std::vector<std::string> items;
};

// Errors name the person's row and the item by its name.
absl::StatusOr<Input> Read(const Arguments& arguments) {
  const std::string& file = arguments.Text("responses");
  const std::string& group = arguments.Text("group");
  const auto omitted = arguments.Choice("omitted", {"error", "wrong"});
  if (!omitted.ok()) return omitted.status();
  auto responses = ReadResponses(file, {group});
  if (!responses.ok()) return responses.status();
  Input input{.data = {.persons = responses->persons, .items = responses->items.size()},
              .items = responses->items};
  for (size_t person = 0; person < responses->persons; ++person) {
    const std::string& cell = responses->extra_cells[0][person];
    if (cell != "0" && cell != "1") {
      return InvalidArgument("DIF_GROUP_INVALID", "person " + std::to_string(person + 1) + " of " +
                                                      file + " has \"" + cell + "\" as " + group +
                                                      "; give 0 (reference) or 1 (focal)");
    }
    input.data.focal.push_back(cell == "1");
    for (size_t item = 0; item < input.items.size(); ++item) {
      const int8_t response = responses->at(person, item);
      if (response < 0 && *omitted == 0) {
        return InvalidArgument("DIF_RESPONSE_MISSING",
                               "person " + std::to_string(person + 1) + " of " + file +
                                   " has no response to " + input.items[item] +
                                   "; matching needs every cell: leave the person out, or give "
                                   "--omitted wrong");
      }
      input.data.cells.push_back(std::max<int8_t>(response, 0));
    }
  }
  return input;
}

Json Letter(const std::optional<DifClass>& c) { return c ? Json(NameOf(*c)) : Json(); }

void Describe(const scoring::Purification& purification, const Arguments& arguments, Json& json) {
  json["purified"] = arguments.On("purify");
  json["rounds"] = purification.rounds;
  json["converged"] = purification.converged;
}

absl::Status RunMantelHaenszel(const Input& input, const scoring::DifOptions& options,
                               const Arguments& arguments, Json& json) {
  const auto result = MantelHaenszel(input.data, options);
  if (!result.ok()) return result.status();
  Describe(result->purification, arguments, json);
  json["items"] = Json::array();
  for (size_t i = 0; i < input.items.size(); ++i) {
    const scoring::MantelHaenszelItem& item = result->items[i];
    Json row;
    row["item"] = input.items[i];
    row["oddsRatio"] = OrNull(item.odds_ratio);
    row["chiSquare"] = OrNull(item.chi_square);
    row["p"] = OrNull(item.p_value);
    row["delta"] = OrNull(item.delta);
    row["deltaSe"] = OrNull(item.delta_se);
    row["class"] = Letter(item.ets_class);
    row["effectClass"] = Letter(item.effect_class);
    row["flagged"] = item.flagged;
    row["lnVariance"] = OrNull(item.ln_variance);
    row["chiSquareUncorrected"] = OrNull(item.chi_square_uncorrected);
    row["pDif"] = OrNull(item.p_dif);
    if (!item.reason.empty()) row["reason"] = item.reason;
    json["items"].push_back(std::move(row));
  }
  return absl::OkStatus();
}

absl::Status RunLogistic(const Input& input, const scoring::DifOptions& options,
                         scoring::LogisticKind kind, const Arguments& arguments, Json& json) {
  const auto result = LogisticDif(input.data, options, kind);
  if (!result.ok()) return result.status();
  Describe(result->purification, arguments, json);
  json["items"] = Json::array();
  for (size_t i = 0; i < input.items.size(); ++i) {
    const scoring::LogisticDifItem& item = result->items[i];
    Json row;
    row["item"] = input.items[i];
    row["oddsRatio"] = OrNull(item.odds_ratio);
    row["chiSquare"] = OrNull(item.chi_square);
    row["p"] = OrNull(item.p_value);
    row["delta"] = OrNull(item.delta);
    row["class"] = Letter(item.jodoin_gierl);
    row["zumboThomasClass"] = Letter(item.zumbo_thomas);
    row["deltaR2"] = OrNull(item.delta_r2);
    row["flagged"] = item.flagged;
    row["chiSquareUniform"] = OrNull(item.chi_uniform);
    row["pUniform"] = OrNull(item.p_uniform);
    row["chiSquareNonuniform"] = OrNull(item.chi_nonuniform);
    row["pNonuniform"] = OrNull(item.p_nonuniform);
    row["chiSquareBoth"] = OrNull(item.chi_both);
    row["pBoth"] = OrNull(item.p_both);
    if (!item.reason.empty()) row["reason"] = item.reason;
    json["items"].push_back(std::move(row));
  }
  return absl::OkStatus();
}

absl::Status RunDif(const Arguments& arguments, Report& report) {
  const std::vector<std::string> methods = {"mantel-haenszel", "logistic"};
  const auto method = arguments.Choice("method", methods);
  if (!method.ok()) return method.status();
  const auto kind = arguments.Choice("type", {"uniform", "nonuniform", "both"});
  if (!kind.ok()) return kind.status();
  const auto significance = arguments.Real("significance", 1e-6, 0.5);
  if (!significance.ok()) return significance.status();
  const auto rounds = arguments.Number("purify-rounds", 1, 1000);
  if (!rounds.ok()) return rounds.status();
  const auto input = Read(arguments);
  if (!input.ok()) return input.status();

  const scoring::DifOptions options{.significance = *significance,
                                    .purify = arguments.On("purify"),
                                    .most_rounds = static_cast<int>(*rounds)};
  Json& json = report.json();
  const auto focal = std::count(input->data.focal.begin(), input->data.focal.end(), 1);
  json["method"] = methods[*method];
  json["reference"] = static_cast<int64_t>(input->data.persons) - focal;
  json["focal"] = focal;
  if (*method == 0) return RunMantelHaenszel(*input, options, arguments, json);
  constexpr scoring::LogisticKind kKinds[] = {scoring::LogisticKind::kUniform,
                                              scoring::LogisticKind::kNonuniform,
                                              scoring::LogisticKind::kBoth};
  json["type"] = arguments.Text("type");
  return RunLogistic(*input, options, kKinds[*kind], arguments, json);
}

}  // namespace

Subcommand Dif() {
  return {
      "dif",
      "items that behave differently in two groups",
      "Compares a reference (0) and a focal (1) group item by item, among persons of the same "
      "number "
      "correct (the studied item included). oddsRatio is reference over focal; above 1, and delta "
      "= "
      "-2.35 ln(oddsRatio) below 0, the item favours the reference group.\n\n"
      "mantel-haenszel: chiSquare with the 0.5 correction; class by the ETS rule (A: |delta| < 1 "
      "or not "
      "significant; C: |delta| >= 1.5 and significantly above 1; B: the rest); effectClass by "
      "|delta| "
      "alone; pDif is the standardized difference in proportion right.\n\n"
      "logistic: likelihood ratios of uniform, nonuniform and both; chiSquare, deltaR2 "
      "(Nagelkerke) and "
      "class (Jodoin-Gierl .035/.07, A when not significant) are those of --type.\n\n"
      "What has no value is null, with a reason: NO_VARIANCE, SCORE_WITHOUT_VARIANCE, "
      "ODDS_RATIO_INFINITE, SEPARATED.",
      {
          {"responses", "FILE", "A column per item (0, 1) and one for the group; a row per person.",
           "", true},
          {"group", "COLUMN", "The column with the group: 0 reference, 1 focal.", "", true},
          {"method", "NAME", "mantel-haenszel or logistic.", "", true},
          {"type", "NAME", "Logistic: uniform, nonuniform or both.", "both"},
          {"purify", "", "Leave flagged items out of the matching score and test again.", ""},
          {"purify-rounds", "N", "At most this often; 1 is the two-step procedure.", "50"},
          {"significance", "P", "Of a flag.", "0.05"},
          {"omitted", "RULE", "What an empty cell is: error or wrong.", "error"},
      },
      RunDif,
  };
}

}  // namespace invigil::cli::stats
