// `invigil stats irt-equate`: raw scores through the item parameters of two forms.
#include "services/scoring/domain/linking/irt_equating.h"

#include "services/cli/core/failure.h"
#include "services/cli/stats/anchor.h"
#include "services/cli/stats/or_null.h"
#include "services/cli/stats/subcommands.h"

namespace invigil::cli::stats {
namespace {

using scoring::linking::AbilityNodes;

// `standard` as the nodes of a normal population: --FLAG MEAN,SD, or what it is by default.
absl::StatusOr<AbilityNodes> ReadPopulation(const Arguments& arguments, const std::string& flag,
                                            AbilityNodes standard, double mean, double deviation) {
  if (arguments.Has(flag)) {
    const auto values = arguments.Reals(flag, 2);
    if (!values.ok()) return values.status();
    mean = (*values)[0];
    deviation = (*values)[1];
    if (!(deviation > 0)) {
      return UsageError("--" + flag + " wants MEAN,SD with an SD above 0, not \"" +
                        arguments.Text(flag) + "\"");
    }
  }
  for (double& point : standard.points) point = mean + deviation * point;
  return standard;
}

// The nodes of N(0, 1). Uniform weights are for linking, which compares curves; a population has
// the same points with the weights of a normal one.
AbilityNodes StandardNormal(const Arguments& arguments, const AbilityNodes& nodes) {
  if (!arguments.Text("nodes").starts_with("uniform")) return nodes;
  return scoring::linking::NormalGrid(static_cast<int>(nodes.points.size()), nodes.points.front(),
                                      nodes.points.back());
}

absl::Status Run(const Arguments& arguments, Report& report) {
  const auto kind = arguments.Choice("kind", {"true", "observed"});
  if (!kind.ok()) return kind.status();
  const bool observed = *kind == 1;
  const auto nodes = ReadNodes(arguments);
  if (!nodes.ok()) return nodes.status();
  const auto weight = arguments.Real("weight-from", 0, 1);
  if (!weight.ok()) return weight.status();
  const auto from = ReadItems(arguments.Text("from"));
  if (!from.ok()) return from.status();
  const auto to = ReadItems(arguments.Text("to"));
  if (!to.ok()) return to.status();

  Json& json = report.json();
  json["kind"] = arguments.Text("kind");
  scoring::linking::ScaleTransformation link;
  if (arguments.Has("link")) {
    const auto method = arguments.Choice("link", LinkMethodNames());
    if (!method.ok()) return method.status();
    const auto anchor = FindAnchor(*from, *to, arguments.Text("anchor"));
    if (!anchor.ok()) return anchor.status();
    const auto found =
        scoring::linking::Link(scoring::linking::kLinkMethods[*method], anchor->items, *nodes);
    if (!found.ok()) return found.status();
    link = found->link;
    json["A"] = link.a;
    json["B"] = link.b;
  } else if (arguments.Has("anchor")) {
    return UsageError("--anchor is of no use without --link METHOD");
  }
  const auto moved = scoring::linking::Transform(from->parameters, link);
  absl::StatusOr<std::vector<scoring::linking::IrtEquivalent>> table;
  if (observed) {
    const AbilityNodes standard = StandardNormal(arguments, *nodes);
    const auto first = ReadPopulation(arguments, "population-from", standard, link.b, link.a);
    if (!first.ok()) return first.status();
    const auto second = ReadPopulation(arguments, "population-to", standard, 0, 1);
    if (!second.ok()) return second.status();
    json["weightFrom"] = *weight;
    table =
        scoring::linking::ObservedScoreEquating(moved, to->parameters, {*first, *second, *weight});
  } else {
    table = scoring::linking::TrueScoreEquating(moved, to->parameters);
  }
  if (!table.ok()) return table.status();
  json["table"] = Json::array();
  for (const scoring::linking::IrtEquivalent& score : *table) {
    Json row;
    row["raw"] = score.raw;
    if (!observed) row["theta"] = OrNull(score.theta);
    row["equated"] = score.equated;
    if (!observed && !score.theta) row["reason"] = "NO_ABILITY_HAS_IT";
    json["table"].push_back(std::move(row));
  }
  return absl::OkStatus();
}

}  // namespace

Subcommand IrtEquate() {
  return {
      "irt-equate",
      "raw scores of a form on another through item parameters",
      "For every raw score of the form --from its unrounded equivalent on the form --to. Files "
      "have "
      "the columns item, a, b, g (logistic metric, D = 1) and stand on one scale, unless --link "
      "says how to put --from on the scale of --to first. "
      "true: the number expected on --to at the ability where the raw score is expected on --from; "
      "at or below the sum of g a line from (0, 0). observed: Lord-Wingersky distributions of both "
      "forms in a synthetic population of two normal ones, then equipercentile.",
      {{"kind", "KIND", "true or observed.", "", true},
       {"from", "FILE", "Items of the form whose scores are given.", "", true},
       {"to", "FILE", "Items of the form whose scores are wanted.", "", true},
       {"link", "METHOD", "mean-mean, mean-gmean, mean-sigma, haebara or stocking-lord.", ""},
       AnchorFlag(),
       NodesFlag(),
       {"population-from", "MEAN,SD",
        "Abilities of the group of --from on the scale of --to; 0,1 unless given, after --link "
        "B,A.",
        ""},
       {"population-to", "MEAN,SD", "Abilities of the group of --to; 0,1 unless given.", ""},
       {"weight-from", "W", "Share of the group of --from in the synthetic population.", "0.5"}},
      Run};
}

}  // namespace invigil::cli::stats
