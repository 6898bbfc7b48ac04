#include <cmath>
#include <unordered_map>

#include "common/error/error.h"
#include "services/cli/stats/quadrature_flag.h"
#include "services/cli/stats/responses.h"
#include "services/cli/stats/subcommands.h"
#include "services/scoring/domain/calibration/calibration.h"
#include "services/scoring/domain/calibration/item_fit.h"

namespace invigil::cli::stats {
namespace {

using scoring::CalibrationOptions;
using scoring::CalibrationResult;
using scoring::ItemFit;
using scoring::ItemModel;

const std::vector<std::string>& Models() {
  static const auto* models = new std::vector<std::string>{"rasch", "1pl", "2pl", "3pl"};
  return *models;
}

Json Optional(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}
Json Finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// Adds to the options the parameters of the items that the file names; returns the names of those
// that are not among the responses.
absl::StatusOr<std::vector<std::string>> Fix(const std::string& path, const Responses& responses,
                                             CalibrationOptions& options) {
  const auto file = ReadItems(path);
  if (!file.ok()) return file.status();
  std::unordered_map<std::string, size_t> columns;
  for (size_t i = 0; i < responses.items.size(); ++i) columns[responses.items[i]] = i;
  options.fixed.resize(responses.items.size());
  std::vector<std::string> absent;
  for (size_t row = 0; row < file->items.size(); ++row) {
    const auto column = columns.find(file->items[row]);
    if (column == columns.end()) {
      absent.push_back(file->items[row]);
    } else {
      options.fixed[column->second] = file->parameters[row];
    }
  }
  if (absent.size() == file->items.size()) {
    return InvalidArgument("FIXED_ABSENT", "no item of " + path +
                                               " is a column of the responses; item names must "
                                               "be the same in both");
  }
  return absent;
}

Json FitRow(const ItemFit& fit) {
  Json row = {{"outfit", Finite(fit.at_eap.outfit)},
              {"infit", Finite(fit.at_eap.infit)},
              {"zOutfit", Finite(fit.at_eap.z_outfit)},
              {"zInfit", Finite(fit.at_eap.z_infit)},
              {"posteriorOutfit", Finite(fit.posterior_outfit)},
              {"posteriorInfit", Finite(fit.posterior_infit)}};
  if (!fit.s_x2_problem.empty()) {
    row["sx2"] = nullptr;
    row["sx2Reason"] = fit.s_x2_problem;
    return row;
  }
  row["sx2"] = fit.s_x2;
  row["df"] = fit.degrees_of_freedom;
  row["p"] = fit.p_value;
  row["rmsea"] = fit.rmsea;
  return row;
}

// Fit where every item has parameters that can score; else a note says which has none.
std::vector<ItemFit> Fit(const CalibrationResult& result, const Responses& responses,
                         const CalibrationOptions& options, Json& notes) {
  std::vector<scoring::ItemParameters> items;
  scoring::ItemFitOptions fit_options;
  for (size_t i = 0; i < result.items.size(); ++i) {
    items.push_back(result.items[i].parameters);
    fit_options.fixed.push_back(result.items[i].fixed);
    if (scoring::IsValid(items.back())) continue;
    notes.push_back("item \"" + responses.items[i] +
                    "\" has a slope that is not above 0: check its key; no item fit was computed");
    return {};
  }
  fit_options.quadrature = options.quadrature;
  fit_options.mean = result.mean;
  fit_options.sd = result.sd;
  fit_options.parameters_per_item = options.model == ItemModel::kThreeParameter ? 3 : 2;
  auto fit = scoring::AssessItemFit(items, {responses.cells, responses.persons, items.size()},
                                    fit_options);
  if (fit.ok()) return *std::move(fit);
  notes.push_back("no item fit: " + std::string(fit.status().message()));
  return {};
}

absl::StatusOr<CalibrationOptions> ReadOptions(const Arguments& arguments) {
  CalibrationOptions options;
  const auto model = arguments.Choice("model", Models());
  if (!model.ok()) return model.status();
  options.model = static_cast<ItemModel>(*model);
  const auto quadrature = ReadQuadrature(arguments);
  if (!quadrature.ok()) return quadrature.status();
  options.quadrature = *quadrature;
  if (arguments.Has("prior-logit-g")) {
    const auto prior = arguments.Reals("prior-logit-g", 2);
    if (!prior.ok()) return prior.status();
    options.prior_logit_g = {(*prior)[0], (*prior)[1]};
  }
  const auto iterations = arguments.Number("max-iterations", 1, 1'000'000);
  if (!iterations.ok()) return iterations.status();
  options.max_iterations = static_cast<int>(*iterations);
  options.standard_errors = !arguments.On("quick");
  return options;
}

void Fill(const CalibrationResult& result, const Responses& responses,
          const CalibrationOptions& options, Json notes, Json& json) {
  const std::vector<ItemFit> fit =
      options.standard_errors ? Fit(result, responses, options, notes) : std::vector<ItemFit>{};
  json["model"] = Models()[static_cast<size_t>(options.model)];
  json["converged"] = result.converged;
  json["iterations"] = result.iterations;
  json["logLikelihood"] = result.log_likelihood;
  json["logPrior"] = result.log_prior;
  json["parameters"] = result.parameter_count;
  json["persons"] = result.persons;
  json["patterns"] = result.patterns;
  json["ability"] = {{"mean", result.mean},
                     {"sd", result.sd},
                     {"se", {{"mean", Optional(result.se_mean)}, {"sd", Optional(result.se_sd)}}}};
  if (!result.converged) {
    notes.push_back("the iterations ended before the maximum; raise --max-iterations");
  }
  if (result.information_problem == "INFORMATION_SINGULAR") {
    notes.push_back("the data do not settle every parameter, so there are no standard errors");
  }
  if (!result.information_problem.empty()) {
    json["standardErrorsReason"] = result.information_problem;
  }
  json["notes"] = std::move(notes);
  Json& rows = json["items"] = Json::array();
  for (size_t i = 0; i < result.items.size(); ++i) {
    const scoring::CalibratedItem& item = result.items[i];
    Json row = {{"item", responses.items[i]},
                {"a", Finite(item.parameters.slope)},
                {"b", Finite(item.parameters.difficulty)},
                {"g", Finite(item.parameters.lower_asymptote)},
                {"se",
                 {{"a", Optional(item.se_slope)},
                  {"b", Optional(item.se_difficulty)},
                  {"g", Optional(item.se_asymptote)}}}};
    row["fixed"] = item.fixed;
    if (!fit.empty()) row["fit"] = FitRow(fit[i]);
    rows.push_back(std::move(row));
  }
}

absl::Status Run(const Arguments& arguments, Report& report) {
  auto options = ReadOptions(arguments);
  if (!options.ok()) return options.status();
  const auto responses = ReadResponses(arguments.Text("responses"));
  if (!responses.ok()) return responses.status();
  options->names = responses->items;
  Json notes = Json::array();
  if (arguments.Has("fixed")) {
    const auto absent = Fix(arguments.Text("fixed"), *responses, *options);
    if (!absent.ok()) return absent.status();
    for (const std::string& name : *absent) {
      notes.push_back("fixed item \"" + name + "\" is not among the responses");
    }
  }
  const auto result =
      scoring::Calibrate({responses->cells, responses->persons, responses->items.size()}, *options);
  if (!result.ok()) return result.status();
  Fill(*result, *responses, *options, std::move(notes), report.json());
  return absl::OkStatus();
}

}  // namespace

Subcommand Calibrate() {
  return {
      "calibrate",
      "estimate item parameters from responses",
      "Estimates item parameters by marginal maximum likelihood in the logistic metric, D = 1, "
      "with standard errors from the observed information and item fit. Ability is N(0, 1); "
      "rasch estimates its sd, and --fixed its mean and sd. A null standard error: not "
      "estimated, or see standardErrorsReason.",
      {{"model", "MODEL", "rasch (slope 1, free sd), 1pl (one slope for all), 2pl or 3pl.", "2pl"},
       {"responses", "R.csv",
        "A header of item names and a row per person: 0, 1, or empty (also NA) for not "
        "presented.",
        "", true},
       QuadratureFlag(),
       {"prior-logit-g", "MEAN,SD", "3pl: a normal prior on logit g, such as -1.4,0.5.", ""},
       {"fixed", "I.csv",
        "Columns item, a, b, g: items that keep these parameters; the rest lands on their "
        "scale.",
        ""},
       {"max-iterations", "N", "Where to give up.", "1000"},
       {"quick", "", "No standard errors and no item fit.", ""}},
      Run};
}

}  // namespace invigil::cli::stats
