#include "services/scoring/domain/calibration/calibration.h"

#include <cmath>

#include "common/error/error.h"
#include "services/scoring/domain/calibration/design.h"
#include "services/scoring/domain/calibration/information.h"
#include "services/scoring/domain/calibration/maximize.h"
#include "services/scoring/domain/calibration/start.h"

namespace invigil::scoring {
namespace {

ParameterLayout Layout(const CalibrationOptions& options, size_t items) {
  ParameterLayout layout;
  int next = 0;
  bool any_fixed = false;
  for (size_t i = 0; i < items; ++i) {
    ParameterLayout::Item item;
    if (!options.fixed.empty() && options.fixed[i]) {
      any_fixed = true;
    } else {
      const bool three = options.model == ItemModel::kThreeParameter;
      if (three || options.model == ItemModel::kTwoParameter) item.slope = next++;
      item.intercept = next++;
      if (three) item.asymptote = next++;
    }
    layout.items.push_back(item);
  }
  if (options.model == ItemModel::kOneParameter) layout.common_slope = next++;
  if (any_fixed) layout.mean = next++;
  if (any_fixed || options.model == ItemModel::kRasch) layout.log_sd = next++;
  layout.count = static_cast<size_t>(next);
  return layout;
}

std::vector<double> Start(const ParameterLayout& layout, const std::vector<ItemCurve>& curves) {
  std::vector<double> start(layout.count, 0.0);  // mean 0 and log sd 0
  const auto put = [&](int where, double value) {
    if (where >= 0) start[static_cast<size_t>(where)] = value;
  };
  for (size_t i = 0; i < curves.size(); ++i) {
    put(layout.items[i].slope, curves[i].slope);
    put(layout.items[i].intercept, curves[i].intercept);
    const double g = curves[i].asymptote;
    put(layout.items[i].asymptote, std::log(g / (1 - g)));
  }
  put(layout.common_slope, 1);
  return start;
}

absl::Status CheckOptions(const CalibrationOptions& options) {
  if (!options.prior_logit_g) return absl::OkStatus();
  if (!std::isfinite(options.prior_logit_g->mean) || !std::isfinite(options.prior_logit_g->sd) ||
      !(options.prior_logit_g->sd > 0)) {
    return InvalidArgument("PRIOR_INVALID",
                           "the prior of logit g wants a finite mean and an sd above 0");
  }
  return absl::OkStatus();
}

absl::Status Cancelled() {
  return Error(absl::StatusCode::kCancelled, "CALIBRATION_CANCELLED",
               "the calibration was cancelled; nothing was kept");
}

void FillErrors(const ParameterLayout& layout, const std::vector<double>& covariance,
                CalibrationResult& result) {
  const auto at = [&](int i, int j) {
    return covariance[static_cast<size_t>(i) * layout.count + static_cast<size_t>(j)];
  };
  for (size_t i = 0; i < result.items.size(); ++i) {
    const ParameterLayout::Item& where = layout.items[i];
    CalibratedItem& item = result.items[i];
    if (where.intercept < 0) continue;
    const int slope = where.slope >= 0 ? where.slope : layout.common_slope;
    const double a = item.parameters.slope, b = item.parameters.difficulty;
    const double var_d = at(where.intercept, where.intercept);
    item.se_intercept = std::sqrt(var_d);
    double var_b = var_d;  // b = -d / a
    if (slope >= 0) {
      item.se_slope = std::sqrt(at(slope, slope));
      var_b += b * b * at(slope, slope) + 2 * b * at(slope, where.intercept);
    }
    item.se_difficulty = std::sqrt(std::max(0.0, var_b)) / std::abs(a);
    if (where.asymptote >= 0) {
      const double g = item.parameters.lower_asymptote;
      item.se_logit_asymptote = std::sqrt(at(where.asymptote, where.asymptote));
      item.se_asymptote = g * (1 - g) * *item.se_logit_asymptote;
    }
  }
  if (layout.mean >= 0) result.se_mean = std::sqrt(at(layout.mean, layout.mean));
  if (layout.log_sd >= 0) result.se_sd = result.sd * std::sqrt(at(layout.log_sd, layout.log_sd));
}

CalibrationResult Describe(const MarginalLikelihood& likelihood, const ClimbResult& climb,
                           const PackedPatterns& patterns) {
  CalibrationResult result;
  result.converged = climb.converged;
  result.iterations = climb.iterations;
  result.evaluations = climb.evaluations;
  result.log_likelihood = climb.at.log_likelihood;
  result.log_prior = climb.at.log_prior;
  result.parameter_count = static_cast<int>(likelihood.layout().count);
  result.persons = patterns.persons;
  result.patterns = patterns.size();
  result.mean = likelihood.Mean(climb.parameters);
  result.sd = likelihood.StandardDeviation(climb.parameters);
  const std::vector<ItemCurve> curves = likelihood.Curves(climb.parameters);
  for (size_t i = 0; i < curves.size(); ++i) {
    CalibratedItem item;
    item.parameters = {curves[i].slope, -curves[i].intercept / curves[i].slope,
                       curves[i].asymptote};
    item.intercept = curves[i].intercept;
    item.fixed = likelihood.layout().items[i].intercept < 0;
    result.items.push_back(item);
  }
  return result;
}

}  // namespace

absl::StatusOr<CalibrationResult> Calibrate(const ResponseView& responses,
                                            const CalibrationOptions& options) {
  INVIGIL_RETURN_IF_ERROR(CheckMatrix(responses));
  INVIGIL_RETURN_IF_ERROR(CheckOptions(options));
  const auto quadrature = NormalQuadrature(options.quadrature);
  if (!quadrature.ok()) return quadrature.status();
  const PackedPatterns patterns = PackPatterns(responses);
  const ItemCounts counts = CountItems(responses);
  INVIGIL_RETURN_IF_ERROR(CheckDesign(patterns, counts, options));

  const std::vector<ItemCurve> curves = StartingCurves(responses, counts, options);
  MarginalLikelihood likelihood(patterns, quadrature->nodes, Layout(options, responses.items),
                                curves, options.prior_logit_g, options.threads);
  const auto go_on = [&](int iteration, double objective, double promised) {
    if (options.stop.stop_requested()) return false;
    return !options.progress || options.progress({iteration, objective, promised});
  };
  const ClimbResult climb = Climb(likelihood, Start(likelihood.layout(), curves), options.tolerance,
                                  options.max_iterations, go_on);
  if (climb.cancelled) return Cancelled();

  CalibrationResult result = Describe(likelihood, climb, patterns);
  if (!options.standard_errors || !climb.converged) {
    result.information_problem = climb.converged ? "NOT_REQUESTED" : "NOT_CONVERGED";
    return result;
  }
  bool cancelled = false;
  const auto covariance = ParameterCovariance(
      likelihood, climb.parameters, climb.at, [&] { return !options.stop.stop_requested(); },
      &cancelled);
  if (cancelled) return Cancelled();
  if (covariance) {
    FillErrors(likelihood.layout(), *covariance, result);
  } else {
    result.information_problem = "INFORMATION_SINGULAR";
  }
  return result;
}

}  // namespace invigil::scoring
