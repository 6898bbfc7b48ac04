#include "services/scoring/domain/ability/ability.h"

#include <cmath>
#include <unordered_map>

#include "common/error/error.h"
#include "services/cli/stats/quadrature_flag.h"
#include "services/cli/stats/responses.h"
#include "services/cli/stats/subcommands.h"

namespace invigil::cli::stats {
namespace {

using scoring::AbilityMethod;

// The parameters of the items of the response file, in its order.
absl::StatusOr<std::vector<scoring::ItemParameters>> Match(const Responses& responses,
                                                           const ItemFile& file) {
  std::unordered_map<std::string, size_t> rows;
  for (size_t i = 0; i < file.items.size(); ++i) rows[file.items[i]] = i;
  std::vector<scoring::ItemParameters> parameters;
  for (const std::string& item : responses.items) {
    const auto row = rows.find(item);
    if (row == rows.end()) {
      return InvalidArgument("ITEM_UNKNOWN", "the responses have a column \"" + item + "\", but " +
                                                 file.name +
                                                 " has no parameters for it; add them or take "
                                                 "the column out");
    }
    parameters.push_back(file.parameters[row->second]);
  }
  return parameters;
}

Json Row(const scoring::Ability& ability) {
  Json row = {{"theta", nullptr}, {"se", nullptr}};
  if (ability.limit == scoring::AbilityLimit::kNone) {
    row["theta"] = ability.theta;
    row["se"] = ability.se;
    return row;
  }
  row["reason"] = scoring::LimitName(ability.limit);
  if (std::isinf(ability.theta)) row["limit"] = ability.theta > 0 ? "+infinity" : "-infinity";
  return row;
}

absl::StatusOr<std::vector<scoring::Ability>> ByNumberCorrect(
    const std::vector<scoring::ItemParameters>& items, const Responses& responses) {
  std::vector<scoring::Ability> by_score;
  for (size_t x = 0; x <= items.size(); ++x) {
    const auto ability = scoring::NumberCorrectAbility(items, static_cast<double>(x));
    if (!ability.ok()) return ability.status();
    by_score.push_back(*ability);
  }
  std::vector<scoring::Ability> abilities;
  for (size_t p = 0; p < responses.persons; ++p) {
    size_t right = 0;
    for (size_t i = 0; i < items.size(); ++i) {
      if (responses.at(p, i) < 0) {
        return InvalidArgument("RESPONSES_INCOMPLETE",
                               "person " + std::to_string(p + 1) + " was not presented \"" +
                                   responses.items[i] +
                                   "\"; the number correct needs every item, the pattern methods "
                                   "do not");
      }
      right += static_cast<size_t>(responses.at(p, i));
    }
    abilities.push_back(by_score[right]);
  }
  return abilities;
}

absl::Status Run(const Arguments& arguments, Report& report) {
  const std::vector<std::string> methods = {"eap", "map", "ml", "wle", "number-correct"};
  const auto method = arguments.Choice("method", methods);
  if (!method.ok()) return method.status();
  scoring::AbilityOptions options;
  options.method = static_cast<AbilityMethod>(*method < 4 ? *method : 0);
  const auto quadrature = ReadQuadrature(arguments);
  if (!quadrature.ok()) return quadrature.status();
  options.quadrature = *quadrature;
  const auto prior = arguments.Reals("prior", 2);
  if (!prior.ok()) return prior.status();
  options.prior_mean = (*prior)[0];
  options.prior_sd = (*prior)[1];
  const auto information = arguments.Choice("information", {"expected", "observed"});
  if (!information.ok()) return information.status();
  options.information = static_cast<scoring::InformationKind>(*information);

  const auto responses = ReadResponses(arguments.Text("responses"));
  if (!responses.ok()) return responses.status();
  const auto file = ReadItems(arguments.Text("items"));
  if (!file.ok()) return file.status();
  const auto items = Match(*responses, *file);
  if (!items.ok()) return items.status();
  const auto abilities =
      *method == 4 ? ByNumberCorrect(*items, *responses)
                   : scoring::EstimateAbilities(
                         *items, {responses->cells, responses->persons, items->size()}, options);
  if (!abilities.ok()) return abilities.status();
  report.json()["method"] = methods[*method];
  Json& persons = report.json()["persons"] = Json::array();
  persons.get_ref<Json::array_t&>().reserve(abilities->size());
  for (const scoring::Ability& ability : *abilities) persons.push_back(Row(ability));
  return absl::OkStatus();
}

}  // namespace

Subcommand Ability() {
  return {
      "ability",
      "score persons with known item parameters",
      "Estimates the ability of every person (a row of the responses) from item parameters in "
      "the logistic metric, D = 1. Gives persons, in row order: theta and se, or null with a "
      "reason where there is no finite estimate.",
      {{"items", "I.csv", "Columns item, a, b and g (without g: 0).", "", true},
       {"responses", "R.csv",
        "A header of item names and a row per person: 0, 1, or empty (also NA) for not "
        "presented.",
        "", true},
       {"method", "METHOD",
        "eap, map, ml, wle (Warm), or number-correct (through the characteristic curve).", "eap"},
       QuadratureFlag(),
       {"prior", "MEAN,SD", "EAP and MAP: the normal prior.", "0,1"},
       {"information", "KIND",
        "MAP and ML errors: expected (of the items) or observed (of the pattern).", "expected"}},
      Run};
}

}  // namespace invigil::cli::stats
