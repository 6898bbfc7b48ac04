#include "services/scoring/measurement/calibration.h"

#include <cmath>
#include <map>
#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/domain/calibration/item_fit.h"

namespace invigil::scoring {
namespace {

using itembank::v1::ITEM_STATUS_OPERATIONAL;
using itembank::v1::ITEM_STATUS_PRETEST;
using itembank::v1::ItemStatistics;

constexpr uint32_t kLeastAnswers = 100;
constexpr double kDriftDisplacement = 0.5;  // logits, as domain/linking/drift.h

ItemModel ModelOf(v1::CalibrationModel model) {
  switch (model) {
    case v1::CALIBRATION_MODEL_RASCH:
      return ItemModel::kRasch;
    case v1::CALIBRATION_MODEL_ONE_PARAMETER:
      return ItemModel::kOneParameter;
    case v1::CALIBRATION_MODEL_THREE_PARAMETER:
      return ItemModel::kThreeParameter;
    default:
      return ItemModel::kTwoParameter;
  }
}

bool HasVariance(const ColumnStatistics& column) {
  return column.right > 0 && column.right < column.answers;
}

ResponseView ViewOf(const Dataset& data) {
  return {.cells = data.cells, .persons = data.sessions, .items = data.items.size()};
}

CalibrationOptions OptionsFor(const Dataset& data, const FreeSettings& settings,
                              const Reporter& report) {
  CalibrationOptions options;
  options.model = ModelOf(settings.model);
  options.prior_logit_g = settings.prior_logit_g;
  for (const ItemStatistics& item : data.items) options.names.push_back(item.item_id());
  if (settings.most_iterations > 0) options.max_iterations = settings.most_iterations;
  options.threads = settings.threads;
  options.progress = [&data, &report](const CalibrationProgress& step) {
    v1::CalibrationProgress progress;
    progress.set_sessions_read(data.summary.sessions());
    progress.set_iteration(static_cast<uint32_t>(step.iteration));
    progress.set_log_likelihood(step.log_likelihood);
    progress.set_promised_gain(step.promised_gain);
    return report(progress);
  };
  return options;
}

// Puts estimates on the scale of the link.
void Transform(const linking::ScaleTransformation& link, CalibrationResult& result) {
  for (CalibratedItem& item : result.items) {
    item.parameters = linking::Transform(item.parameters, link);
    if (item.se_slope) *item.se_slope /= link.a;
    if (item.se_difficulty) *item.se_difficulty *= link.a;
  }
  result.mean = link.a * result.mean + link.b;
  result.sd *= link.a;
}

bool InRange(const ItemParameters& item) {
  return IsValid(item) && item.slope <= 10 && std::abs(item.difficulty) <= 6 &&
         item.lower_asymptote <= 0.95;
}

void AddFlags(const ColumnStatistics& column, v1::CalibratedItem* out) {
  const double p = out->p_value();
  if (p < 0.20 || p > 0.95) {
    out->add_flags("P_HOLD");
  } else if (p < 0.30 || p >= 0.90) {
    out->add_flags("P_REVIEW");
  }
  if (column.correlation < 0) {
    out->add_flags("CORRELATION_HOLD");
  } else if (column.correlation < 0.15) {
    out->add_flags("CORRELATION_LOW");
  }
  if (out->slope() <= 0) out->add_flags("KEY_SUSPECT");
}

// Everything about one item of the result.
void FillItem(const ItemStatistics& item, const CalibratedItem& estimate, const ItemFit& fit,
              const ColumnStatistics& column, v1::CalibratedItem* out) {
  out->set_item_id(item.item_id());
  out->set_item_version(item.version());
  out->set_domain_id(item.domain_id());
  out->set_pretest(item.status() == ITEM_STATUS_PRETEST);
  out->set_fixed(estimate.fixed);
  out->set_slope(estimate.parameters.slope);
  out->set_difficulty(estimate.parameters.difficulty);
  out->set_lower_asymptote(estimate.parameters.lower_asymptote);
  if (estimate.se_slope) out->set_slope_error(*estimate.se_slope);
  if (estimate.se_difficulty) out->set_difficulty_error(*estimate.se_difficulty);
  if (estimate.se_asymptote) out->set_lower_asymptote_error(*estimate.se_asymptote);
  out->set_answers(column.answers);
  out->set_p_value(static_cast<double>(column.right) / column.answers);
  if (std::isfinite(column.correlation)) out->set_corrected_point_biserial(column.correlation);
  out->set_infit(fit.posterior_infit);
  out->set_outfit(fit.posterior_outfit);
  if (item.has_irt()) {
    out->set_displacement(estimate.parameters.difficulty - item.irt().difficulty());
  }
  AddFlags(column, out);
  if (estimate.fixed) {
    out->set_problem("ITEM_FIXED: its parameters were given, not estimated");
  } else if (!InRange(estimate.parameters)) {
    out->set_problem("PARAMETERS_OUT_OF_RANGE: no item of a bank can have these parameters");
  } else if (!estimate.se_difficulty) {
    out->set_problem("NO_STANDARD_ERROR: the answers do not settle its difficulty");
  }
}

absl::StatusOr<std::vector<ItemFit>> FitOf(const Dataset& data, const CalibrationResult& result,
                                           int threads) {
  std::vector<ItemParameters> parameters;
  std::vector<bool> usable;
  for (const CalibratedItem& item : result.items) usable.push_back(IsValid(item.parameters));
  for (size_t i = 0; i < usable.size(); ++i) {
    if (usable[i]) parameters.push_back(result.items[i].parameters);
  }
  std::vector<ItemFit> fits(usable.size());
  if (parameters.size() < 2) return fits;
  const Dataset sound = Select(data, usable);
  const auto some = AssessItemFit(parameters, ViewOf(sound),
                                  {.mean = result.mean, .sd = result.sd, .threads = threads});
  if (!some.ok()) return some.status();
  for (size_t i = 0, k = 0; i < usable.size(); ++i) {
    if (usable[i]) fits[i] = (*some)[k++];
  }
  return fits;
}

absl::StatusOr<v1::CalibrationResult> Describe(const Dataset& data, const CalibrationResult& made,
                                               int threads) {
  const auto fits = FitOf(data, made, threads);
  if (!fits.ok()) return fits.status();
  const std::vector<ColumnStatistics> columns = StatisticsOf(data);
  v1::CalibrationResult result;
  *result.mutable_dataset() = data.summary;
  result.set_converged(made.converged);
  result.set_iterations(static_cast<uint32_t>(made.iterations));
  result.set_log_likelihood(made.log_likelihood);
  result.set_parameter_count(static_cast<uint32_t>(made.parameter_count));
  result.set_ability_mean(made.mean);
  result.set_ability_sd(made.sd);
  result.set_link_a(1);
  result.set_library_version(kLibraryVersion);
  for (size_t i = 0; i < data.items.size(); ++i) {
    FillItem(data.items[i], made.items[i], (*fits)[i], columns[i], result.add_items());
  }
  return result;
}

FreeSettings FreeOf(const v1::CalibrationSettings& settings, int threads) {
  FreeSettings free{.model = settings.model(),
                    .least_answers = settings.least_answers(),
                    .prior_logit_g = std::nullopt,
                    .most_iterations = static_cast<int>(settings.most_iterations()),
                    .threads = threads};
  if (settings.has_prior_logit_g_sd()) {
    free.prior_logit_g = NormalPrior{settings.prior_logit_g_mean(), settings.prior_logit_g_sd()};
  }
  return free;
}

// The columns with enough answers and both right and wrong ones among them; counts the rest.
std::vector<bool> Usable(Dataset& data, uint32_t least_answers) {
  const std::vector<ColumnStatistics> columns = StatisticsOf(data);
  const uint32_t least = least_answers == 0 ? kLeastAnswers : least_answers;
  std::vector<bool> usable;
  uint64_t items_short = 0;
  for (const ColumnStatistics& column : columns) {
    usable.push_back(column.answers >= least && HasVariance(column));
    items_short += column.answers > 0 && !usable.back() ? 1 : 0;
  }
  data.summary.set_items_short(items_short);
  return usable;
}

absl::StatusOr<v1::CalibrationResult> OntoScale(const v1::CalibrationSettings& settings,
                                                Dataset data, int threads, const Reporter& report) {
  std::vector<bool> keep = Usable(data, settings.least_answers());
  size_t fixed = 0, free = 0;
  for (size_t i = 0; i < keep.size(); ++i) {
    const ItemStatistics& item = data.items[i];
    const bool anchor = item.status() == ITEM_STATUS_OPERATIONAL && item.has_irt();
    keep[i] = keep[i] && (anchor || item.status() == ITEM_STATUS_PRETEST);
    if (keep[i]) ++(anchor ? fixed : free);
  }
  if (fixed == 0) {
    return FailedPrecondition("CALIBRATION_WITHOUT_ANCHOR",
                              "no operational item in scope has parameters and enough answers");
  }
  if (free == 0) {
    return FailedPrecondition("NOTHING_TO_CALIBRATE",
                              "no pretest item in scope has enough answers; lower least_answers or "
                              "wait for more sessions");
  }
  const Dataset chosen = Select(data, keep);
  CalibrationOptions options = OptionsFor(chosen, FreeOf(settings, threads), report);
  for (const ItemStatistics& item : chosen.items) {
    const bool anchor = item.status() == ITEM_STATUS_OPERATIONAL;
    options.fixed.push_back(anchor ? std::optional(ParametersOf(item.irt())) : std::nullopt);
  }
  const auto made = Calibrate(ViewOf(chosen), options);
  if (!made.ok()) return made.status();
  return Describe(chosen, *made, threads);
}

absl::StatusOr<v1::CalibrationResult> Recalibrate(const v1::CalibrationSettings& settings,
                                                  const Dataset& data, int threads,
                                                  const Reporter& report) {
  const auto linked = CalibrateFreely(data, FreeOf(settings, threads), report);
  if (!linked.ok()) return linked.status();
  auto result = Describe(linked->data, linked->result, threads);
  if (!result.ok()) return result.status();
  result->set_link_a(linked->link.a);
  result->set_link_b(linked->link.b);
  result->set_drift_stopped(linked->stopped_at_bound);
  for (size_t k = 0; k < linked->anchors.size(); ++k) {
    if (!linked->drift[k].drifts && !linked->drift[k].removed) continue;
    v1::CalibratedItem* item = result->mutable_items(static_cast<int>(linked->anchors[k]));
    item->add_flags("DRIFT");
    result->add_drifted_item_ids(item->item_id());
  }
  return result;
}

}  // namespace

ItemParameters ParametersOf(const itembank::v1::IrtParameters& irt) {
  return {.slope = irt.slope(),
          .difficulty = irt.difficulty(),
          .lower_asymptote = irt.lower_asymptote()};
}

absl::StatusOr<LinkedCalibration> CalibrateFreely(const Dataset& all, const FreeSettings& settings,
                                                  const Reporter& report) {
  LinkedCalibration linked;
  Dataset data = all;
  std::vector<bool> keep = Usable(data, settings.least_answers);
  size_t kept = 0;
  for (size_t i = 0; i < keep.size(); ++i) {
    const auto status = data.items[i].status();
    keep[i] = keep[i] && (status == ITEM_STATUS_OPERATIONAL || status == ITEM_STATUS_PRETEST);
    kept += keep[i] ? 1 : 0;
  }
  if (kept < 2) {
    return FailedPrecondition("CALIBRATION_TOO_FEW",
                              "fewer than two items in scope have enough answers");
  }
  linked.data = Select(data, keep);
  auto made = Calibrate(ViewOf(linked.data), OptionsFor(linked.data, settings, report));
  if (!made.ok()) return made.status();
  linked.result = *std::move(made);
  std::vector<linking::CommonItem> common;
  for (size_t i = 0; i < linked.data.items.size(); ++i) {
    const ItemStatistics& item = linked.data.items[i];
    const ItemParameters& estimate = linked.result.items[i].parameters;
    if (item.status() != ITEM_STATUS_OPERATIONAL || !item.has_irt() || !IsValid(estimate)) continue;
    linked.anchors.push_back(i);
    common.push_back({.from = estimate, .to = ParametersOf(item.irt())});
  }
  const auto screened =
      linking::ScreenAnchors(linking::LinkMethod::kStockingLord, common,
                             linking::NormalGrid(41, -4, 4), {.displacement = kDriftDisplacement});
  if (!screened.ok()) return screened.status();
  linked.link = screened->link.link;
  linked.drift = screened->anchors;
  linked.stopped_at_bound = screened->stopped_at_bound;
  Transform(linked.link, linked.result);
  return linked;
}

absl::StatusOr<v1::CalibrationResult> RunCalibration(
    const v1::CalibrationSettings& settings, const itembank::v1::ListItemStatisticsResponse& bank,
    DatasetReader& reader, int threads, const Reporter& report) {
  auto data = reader.Read(settings.scope(), settings.cleaning(), bank, [&](uint64_t sessions) {
    v1::CalibrationProgress progress;
    progress.set_sessions_read(sessions);
    return report(progress);
  });
  if (!data.ok()) return data.status();
  auto result = settings.mode() == v1::CALIBRATION_MODE_RECALIBRATE
                    ? Recalibrate(settings, *data, threads, report)
                    : OntoScale(settings, *std::move(data), threads, report);
  if (!result.ok()) return result.status();
  result->set_digest(DigestOf(*result));
  return result;
}

std::string DigestOf(v1::CalibrationResult result) {
  result.clear_digest();
  return Sha256Hex(result.SerializeAsString());
}

}  // namespace invigil::scoring
