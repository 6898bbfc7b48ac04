// `invigil stats equate`: raw scores of one form as raw scores of another.
#include "services/scoring/domain/equating/equate.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/value.h"
#include "services/cli/core/failure.h"
#include "services/cli/stats/csv.h"
#include "services/cli/stats/subcommands.h"
#include "services/scoring/domain/equating/recommend.h"

namespace invigil::cli::stats {
namespace {

using scoring::equating::Design;
using scoring::equating::Equating;
using scoring::equating::Method;
using scoring::equating::Recommendation;
using scoring::equating::Request;
using scoring::equating::Smoothing;

constexpr char kRecommended[] = "recommended";

template <typename Values>
std::vector<std::string> Names(const Values& values) {
  std::vector<std::string> names;
  for (auto value : values) names.emplace_back(scoring::equating::NameOf(value));
  return names;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// loglinear:DEGREE[,CROSS].
absl::StatusOr<Smoothing> ParseSmoothing(std::string_view text, bool neat) {
  constexpr std::string_view kModel = "loglinear:";
  const auto wrong = [&] {
    return UsageError("--smooth wants loglinear:DEGREE" + std::string(neat ? "[,CROSS]" : "") +
                      ", such as loglinear:" + (neat ? "4,1" : "6") + ", not \"" +
                      std::string(text) + "\"");
  };
  if (text.substr(0, kModel.size()) != kModel) return wrong();
  const std::string_view numbers = text.substr(kModel.size());
  const size_t comma = numbers.find(',');
  const auto degree = config::ParseNumber(std::string(numbers.substr(0, comma)));
  if (!degree || *degree < 1 || *degree > 20) return wrong();
  Smoothing smoothing{.degree = static_cast<int>(*degree), .cross = neat ? 1 : 0};
  if (comma != std::string_view::npos) {
    const auto cross = config::ParseNumber(std::string(numbers.substr(comma + 1)));
    if (!neat || !cross || *cross < 0 || *cross > *degree) return wrong();
    smoothing.cross = static_cast<int>(*cross);
  }
  return smoothing;
}

struct Group {
  std::vector<double> total, anchor;
};

absl::StatusOr<Group> ReadGroup(const std::string& file, bool neat) {
  const auto table = ReadCsv(file);
  if (!table.ok()) return table.status();
  const auto total = table->Reals("total");
  if (!total.ok()) return total.status();
  Group group{.total = *total};
  if (neat) {
    const auto anchor = table->Reals("anchor");
    if (!anchor.ok()) return anchor.status();
    group.anchor = *anchor;
  }
  return group;
}

double Highest(const std::vector<double>& scores) {
  return scores.empty() ? 0 : std::clamp(*std::max_element(scores.begin(), scores.end()), 0.0, 1e4);
}

// The fewest items that explain the totals. Where the anchor counts in them, the items beside it
// are at least what somebody got right there.
double Reached(const Group& group, bool internal, int items_anchor) {
  double highest = Highest(group.total);
  for (size_t i = 0; internal && i < std::min(group.total.size(), group.anchor.size()); ++i) {
    highest = std::max(highest, group.total[i] - group.anchor[i] + items_anchor);
  }
  return std::clamp(highest, 0.0, 1e4);
}

// The number of items: the flag's, or else the highest score there is.
absl::StatusOr<int> Items(const Arguments& arguments, const std::string& flag, double highest) {
  if (!arguments.Has(flag)) return std::max(1, static_cast<int>(highest));
  const auto items = arguments.Number(flag, 1, 10'000);
  if (!items.ok()) return items.status();
  return static_cast<int>(*items);
}

absl::StatusOr<Request> ReadRequest(const Arguments& arguments, bool& recommend) {
  Request request;
  const auto design = arguments.Choice("design", Names(scoring::equating::kDesigns));
  if (!design.ok()) return design.status();
  request.design = scoring::equating::kDesigns[*design];
  std::vector<std::string> methods = Names(scoring::equating::kMethods);
  methods.emplace_back(kRecommended);
  const auto method = arguments.Choice("method", methods);
  if (!method.ok()) return method.status();
  recommend = *method == scoring::equating::kMethods.size();
  if (!recommend) {
    request.method = scoring::equating::kMethods[*method];
    if (!scoring::equating::Fits(request.method, request.design)) {
      return UsageError(
          "--method " + methods[*method] + " does not fit --design " + arguments.Text("design") +
          "; these do: " + Joined(Names(scoring::equating::MethodsFor(request.design))));
    }
  }
  const auto center = arguments.Choice("center", Names(scoring::equating::kCenters));
  if (!center.ok()) return center.status();
  request.center = scoring::equating::kCenters[*center];
  if (arguments.Has("smooth")) {
    if (recommend || !scoring::equating::UsesDistributions(request.method)) {
      return UsageError("--smooth is of no use with --method " + arguments.Text("method") +
                        "; it is for equipercentile, frequency-estimation, "
                        "chained-equipercentile and braun-holland");
    }
    const auto smoothing = ParseSmoothing(arguments.Text("smooth"), IsNeat(request.design));
    if (!smoothing.ok()) return smoothing.status();
    request.smoothing = *smoothing;
  }
  if (arguments.Has("weight-x")) {
    const auto weight = arguments.Real("weight-x", 0, 1);
    if (!weight.ok()) return weight.status();
    request.weight_x = *weight;
  }
  if (arguments.Has("bootstrap")) {
    const auto bootstrap = arguments.Number("bootstrap", 2, 1'000'000);
    if (!bootstrap.ok()) return bootstrap.status();
    request.bootstrap = static_cast<int>(*bootstrap);
  }
  const auto seed = arguments.Number("seed", 0, int64_t{1} << 62);
  if (!seed.ok()) return seed.status();
  request.seed = static_cast<uint64_t>(*seed);
  const auto threads = arguments.Number("threads", 0, 64);
  if (!threads.ok()) return threads.status();
  request.threads = static_cast<int>(*threads);
  return request;
}

void Describe(const Request& request, const Equating& equating, Json& json) {
  json["design"] = scoring::equating::NameOf(request.design);
  json["method"] = scoring::equating::NameOf(request.method);
  const bool centered = request.method == Method::kMean || request.method == Method::kCircleArc;
  if (IsNeat(request.design) && centered) {
    json["center"] = scoring::equating::NameOf(request.center);
  }
  if (request.smoothing.On()) {
    json["smoothing"]["degree"] = request.smoothing.degree;
    if (IsNeat(request.design)) json["smoothing"]["cross"] = request.smoothing.cross;
  }
  if (equating.weight_x) json["weightX"] = *equating.weight_x;
  if (equating.line) {
    json["line"]["intercept"] = equating.line->intercept;
    json["line"]["slope"] = equating.line->slope;
  }
  json["seMethod"] = scoring::equating::NameOf(equating.error_kind);
  if (equating.replications > 0) {
    json["bootstrap"]["replications"] = equating.replications;
    json["bootstrap"]["failed"] = equating.failed_replications;
    json["bootstrap"]["seed"] = request.seed;
  }
}

absl::Status Run(const Arguments& arguments, Report& report) {
  bool recommend = false;
  auto request = ReadRequest(arguments, recommend);
  if (!request.ok()) return request.status();
  const bool neat = IsNeat(request->design);
  const auto group_x = ReadGroup(arguments.Text("x"), neat);
  if (!group_x.ok()) return group_x.status();
  const auto group_y = ReadGroup(arguments.Text("y"), neat);
  if (!group_y.ok()) return group_y.status();

  int items_anchor = 0;
  if (neat) {
    const auto items = Items(arguments, "items-anchor",
                             std::max(Highest(group_x->anchor), Highest(group_y->anchor)));
    if (!items.ok()) return items.status();
    items_anchor = *items;
  }
  const bool internal = request->design == Design::kNeatInternal;
  const auto items_x = Items(arguments, "items-x", Reached(*group_x, internal, items_anchor));
  if (!items_x.ok()) return items_x.status();
  const auto items_y = Items(arguments, "items-y", Reached(*group_y, internal, items_anchor));
  if (!items_y.ok()) return items_y.status();
  const auto x = scoring::equating::Tabulate(group_x->total, group_x->anchor, *items_x,
                                             items_anchor, "X (" + arguments.Text("x") + ")");
  if (!x.ok()) return x.status();
  const auto y = scoring::equating::Tabulate(group_y->total, group_y->anchor, *items_y,
                                             items_anchor, "Y (" + arguments.Text("y") + ")");
  if (!y.ok()) return y.status();

  const Recommendation recommended = scoring::equating::RecommendMethod(request->design, *x, *y);
  if (recommend) {
    request->method = recommended.method;
    request->smoothing = recommended.smoothing;
  }
  // These pin scores to the numbers of items: the highest total there is would be another curve,
  // and nobody would see it.
  const bool arc = request->method == Method::kCircleArc;
  if (arc || (request->method == Method::kMean && IsNeat(request->design) &&
              request->center == scoring::equating::Center::kNominal)) {
    for (const char* flag : {"items-x", "items-y"}) {
      if (!arguments.Has(flag)) {
        return UsageError("--" + std::string(flag) +
                          " is needed: " + (arc ? "circle-arc" : "the nominal center") +
                          " rests on the number of items, which totals don't tell");
      }
    }
  }
  const auto equating = scoring::equating::Equate(*request, *x, *y);
  if (!equating.ok()) return equating.status();

  Json& json = report.json();
  Describe(*request, *equating, json);
  json["recommendation"]["method"] = scoring::equating::NameOf(recommended.method);
  if (recommended.smoothing.On()) {
    json["recommendation"]["degree"] = recommended.smoothing.degree;
  }
  json["recommendation"]["reason"] = recommended.reason;
  for (const auto& [name, table] : {std::pair("x", &*x), std::pair("y", &*y)}) {
    json["groups"][name]["persons"] = static_cast<int64_t>(table->n);
    json["groups"][name]["items"] = table->max_total;
    if (!arguments.Has("items-" + std::string(name))) json["groups"][name]["itemsGuessed"] = true;
  }
  if (neat) json["groups"]["anchorItems"] = items_anchor;
  json["table"] = Json::array();
  for (const auto& score : equating->table) {
    Json row;
    row["raw"] = score.raw;
    row["equated"] = score.equated;
    row["se"] = score.standard_error ? Json(*score.standard_error) : Json();
    if (!score.standard_error) row["reason"] = "NO_SCORES_NEAR";
    json["table"].push_back(std::move(row));
  }
  return absl::OkStatus();
}

}  // namespace

Subcommand Equate() {
  return {
      "equate",
      "raw scores of a form on the raw scale of another",
      "For every raw score of form X its unrounded equivalent on form Y, with a standard error. "
      "X.csv and Y.csv have one row per person with the column total, and anchor for the designs "
      "with common items: neat-internal where they count in the total, neat-external where they do "
      "not. "
      "random-groups: " +
          Joined(Names(scoring::equating::MethodsFor(Design::kRandomGroups))) +
          ". neat-internal and neat-external: " +
          Joined(Names(scoring::equating::MethodsFor(Design::kNeatInternal))) +
          ". recommended takes what the sample allows, with the reason. "
          "Standard errors are analytic (random groups from the moments or by Lord 1982, others by "
          "the delta method) unless --bootstrap is given. They are null where nobody has scores "
          "near the equivalent.",
      {{"design", "DESIGN", "random-groups, neat-internal or neat-external.", "", true},
       {"method", "METHOD", "One that fits the design, or recommended.", "", true},
       {"x", "FILE", "Scores of the group that took form X.", "", true},
       {"y", "FILE", "Scores of the group that took form Y.", "", true},
       {"smooth", "loglinear:DEGREE[,CROSS]",
        "Presmoothing of the equipercentile methods that keeps DEGREE moments; with an anchor "
        "those "
        "of each margin and the products of up to CROSS powers (1).",
        ""},
       {"weight-x", "W",
        "Share of population X in the synthetic population; N_x / (N_x + N_y) unless given.", ""},
       {"bootstrap", "N", "Standard errors from N replications of the whole way.", ""},
       {"seed", "N", "Of the bootstrap: the same seed gives the same errors.", "1"},
       {"threads", "N", "Of the bootstrap, 0: all there are; changes no result.", "0"},
       {"items-x", "K",
        "Number of items of form X; the highest total unless given, and then the answer says so. "
        "circle-arc and the nominal center need it.",
        ""},
       {"items-y", "K", "The same of form Y.", ""},
       {"items-anchor", "K", "The same of the anchor.", ""},
       {"center", "HOW",
        "How mean and circle-arc with an anchor compare the groups: tucker, levine, nominal, "
        "chained-mean or chained-linear.",
        "tucker"}},
      Run};
}

}  // namespace invigil::cli::stats
