// `invigil stats link`: the item parameters of one calibration on the scale of another.
#include "services/scoring/domain/linking/link.h"

#include "services/cli/stats/anchor.h"
#include "services/cli/stats/or_null.h"
#include "services/cli/stats/subcommands.h"
#include "services/scoring/domain/linking/drift.h"

namespace invigil::cli::stats {
namespace {

absl::Status Run(const Arguments& arguments, Report& report) {
  const auto choice = arguments.Choice("method", LinkMethodNames());
  if (!choice.ok()) return choice.status();
  const auto method = scoring::linking::kLinkMethods[*choice];
  const auto nodes = ReadNodes(arguments);
  if (!nodes.ok()) return nodes.status();
  const auto from = ReadItems(arguments.Text("from"));
  if (!from.ok()) return from.status();
  const auto to = ReadItems(arguments.Text("to"));
  if (!to.ok()) return to.status();
  const auto anchor = FindAnchor(*from, *to, arguments.Text("anchor"));
  if (!anchor.ok()) return anchor.status();

  // Drift is always told; anchors are taken out when asked to.
  scoring::linking::DriftRule rule;
  if (!arguments.On("drop-drifted")) rule.keep_share = 1;
  const auto screening = scoring::linking::ScreenAnchors(method, anchor->items, *nodes, rule);
  if (!screening.ok()) return screening.status();

  Json& json = report.json();
  json["A"] = screening->link.link.a;
  json["B"] = screening->link.link.b;
  json["method"] = arguments.Text("method");
  json["anchors"] = screening->kept;
  if (method == scoring::linking::LinkMethod::kHaebara ||
      method == scoring::linking::LinkMethod::kStockingLord) {
    json["nodes"] = arguments.Text("nodes");
    json["criterion"] = screening->link.criterion;
  }
  size_t drifting = 0;
  json["items"] = Json::array();
  for (size_t i = 0; i < anchor->names.size(); ++i) {
    const scoring::linking::AnchorDrift& drift = screening->anchors[i];
    Json row;
    row["item"] = anchor->names[i];
    row["displacement"] = drift.displacement;
    row["robustZ"] = OrNull(drift.robust_z);
    row["axisDistance"] = OrNull(drift.distance);
    if (!drift.robust_z || !drift.distance) row["reason"] = "ANCHORS_ALIKE";
    row["drifts"] = drift.drifts;
    row["removed"] = drift.removed;
    drifting += drift.drifts && !drift.removed ? 1 : 0;
    json["items"].push_back(std::move(row));
  }
  json["drifting"] = drifting;
  return absl::OkStatus();
}

}  // namespace

Subcommand Link() {
  return {"link",
          "put one calibration on the scale of another",
          "Gives A and B of theta_to = A theta_from + B: on the scale of --to the items of --from "
          "have slope a / A, difficulty A b + B and the same g. Files have the columns item, a, b, "
          "g (logistic metric, D = 1); items with one name in both are the anchor. "
          "Where every slope in both files is the same number (Rasch), A is 1. Anchors that moved "
          "are named: by more than 0.5 logit, or by more than 0.3 and out of line with the others.",
          {{"method", "METHOD", "mean-mean, mean-gmean, mean-sigma, haebara or stocking-lord.", "",
            true},
           {"from", "FILE", "Items of the calibration to be moved.", "", true},
           {"to", "FILE", "Items of the calibration whose scale is kept.", "", true},
           AnchorFlag(),
           NodesFlag(),
           {"drop-drifted", "",
            "Take drifted anchors out one by one, never below 80 % or 15 of them.", ""}},
          Run};
}

}  // namespace invigil::cli::stats
