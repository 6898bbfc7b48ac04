#include "services/scoring/measurement/equating.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/random.h"
#include "common/error/error.h"
#include "services/scoring/domain/conversion.h"
#include "services/scoring/domain/equating/equate.h"
#include "services/scoring/domain/equating/recommend.h"
#include "services/scoring/domain/linking/irt_equating.h"
#include "services/scoring/domain/rescoring.h"

namespace invigil::scoring {
namespace {

using itembank::v1::ITEM_STATUS_OPERATIONAL;

constexpr Duration kKeyPatience = Seconds(5);
constexpr int kDraws = 200;
constexpr double kLeastSlope = 0.05;
constexpr double kDriftErrors = 2.58;  // standard errors: one in a hundred by chance

std::optional<equating::Method> ObservedMethod(v1::EquatingMethod method) {
  using equating::Method;
  static const std::map<v1::EquatingMethod, Method> methods = {
      {v1::EQUATING_METHOD_IDENTITY, Method::kIdentity},
      {v1::EQUATING_METHOD_MEAN, Method::kMean},
      {v1::EQUATING_METHOD_LINEAR, Method::kLinear},
      {v1::EQUATING_METHOD_TUCKER, Method::kTucker},
      {v1::EQUATING_METHOD_LEVINE, Method::kLevine},
      {v1::EQUATING_METHOD_LEVINE_TRUE, Method::kLevineTrue},
      {v1::EQUATING_METHOD_BRAUN_HOLLAND, Method::kBraunHolland},
      {v1::EQUATING_METHOD_CHAINED_LINEAR, Method::kChainedLinear},
      {v1::EQUATING_METHOD_EQUIPERCENTILE, Method::kEquipercentile},
      {v1::EQUATING_METHOD_FREQUENCY_ESTIMATION, Method::kFrequencyEstimation},
      {v1::EQUATING_METHOD_CHAINED_EQUIPERCENTILE, Method::kChainedEquipercentile},
      {v1::EQUATING_METHOD_CIRCLE_ARC, Method::kCircleArc}};
  const auto found = methods.find(method);
  if (found == methods.end()) return std::nullopt;
  return found->second;
}

v1::EquatingMethod ProtoOf(equating::Method method) {
  // The contract lists the observed-score methods behind the two of item response theory, in the
  // library's order but for its first.
  for (int value = v1::EQUATING_METHOD_IDENTITY; value <= v1::EQUATING_METHOD_CIRCLE_ARC; ++value) {
    const auto named = static_cast<v1::EquatingMethod>(value);
    if (ObservedMethod(named) == method) return named;
  }
  return v1::EQUATING_METHOD_IDENTITY;
}

// What is known of a form.
struct FormView {
  ScoringKey key;
  std::optional<Conversion> conversion;
  std::vector<const KeyedItem*> scored;
};

absl::StatusOr<FormView> ViewOfForm(const std::string& form_id, const std::string& exam_id,
                                    const EquatingSources& sources) {
  const auto bank_key = sources.ring.BankKey(form_id, "", kKeyPatience);
  if (!bank_key.ok()) return bank_key.status();
  const auto revisions = sources.ring.RevisionsOf(exam_id);
  if (!revisions.ok()) return revisions.status();
  auto key = KeyUnder(**bank_key, (*revisions)->revisions);
  if (!key.ok()) return key.status();
  FormView view{.key = *std::move(key), .conversion = std::nullopt, .scored = {}};
  const auto stored = sources.scores.FindConversion(form_id, view.key.key_version);
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) {
    auto conversion = ParseConversion((*stored)->text);
    if (!conversion.ok()) return conversion.status();
    view.conversion = *std::move(conversion);
  }
  return view;
}

void FindScored(FormView& view) {
  for (const KeyedItem& item : view.key.items) {
    if (item.operational) view.scored.push_back(&item);
  }
}

// The new estimates by item, where there are some.
using Estimates = std::map<std::string, CalibratedItem>;

Estimates EstimatesOf(const LinkedCalibration& linked) {
  Estimates estimates;
  for (size_t i = 0; i < linked.data.items.size(); ++i) {
    if (IsValid(linked.result.items[i].parameters)) {
      estimates.emplace(linked.data.items[i].item_id(), linked.result.items[i]);
    }
  }
  return estimates;
}

absl::StatusOr<std::vector<linking::IrtEquivalent>> EquateIrt(
    v1::EquatingMethod method, const std::vector<ItemParameters>& form,
    const std::vector<ItemParameters>& base, double mean, double sd) {
  if (method != v1::EQUATING_METHOD_IRT_OBSERVED_SCORE) {
    return linking::TrueScoreEquating(form, base);
  }
  linking::AbilityNodes nodes = linking::NormalGrid(41, -4, 4);
  for (double& point : nodes.points) point = mean + sd * point;
  return linking::ObservedScoreEquating(form, base, {.from = nodes, .to = nodes});
}

// The table through item parameters; errors from draws of the estimates within theirs, taken as
// independent of each other. The draws begin with the same number always.
absl::Status FillIrtTable(v1::EquatingMethod method, const FormView& form,
                          const LinkedCalibration& linked, v1::EquatingResult& result) {
  const Estimates estimates = EstimatesOf(linked);
  const auto& base = form.key.standard.base_form;
  std::vector<ItemParameters> items;
  std::vector<const CalibratedItem*> estimated;
  for (const KeyedItem* item : form.scored) {
    const auto known = estimates.find(item->bank_item_id);
    items.push_back(known == estimates.end() ? item->irt : known->second.parameters);
    estimated.push_back(known == estimates.end() ? nullptr : &known->second);
  }
  const double mean = linked.result.mean, sd = linked.result.sd;
  const auto table = EquateIrt(method, items, base, mean, sd);
  if (!table.ok()) return table.status();
  std::vector<double> sum(table->size()), square(table->size());
  Random random(20261124);
  for (int draw = 0; draw < kDraws; ++draw) {
    std::vector<ItemParameters> drawn = items;
    for (size_t i = 0; i < drawn.size(); ++i) {
      if (estimated[i] == nullptr) continue;
      const double z_slope = random.Normal(), z_difficulty = random.Normal();
      drawn[i].slope =
          std::max(kLeastSlope, drawn[i].slope + z_slope * estimated[i]->se_slope.value_or(0));
      drawn[i].difficulty += z_difficulty * estimated[i]->se_difficulty.value_or(0);
    }
    const auto other = EquateIrt(method, drawn, base, mean, sd);
    if (!other.ok()) return other.status();
    for (size_t row = 0; row < other->size(); ++row) {
      const double away = (*other)[row].equated - (*table)[row].equated;
      sum[row] += away;
      square[row] += away * away;
    }
  }
  for (size_t row = 0; row < table->size(); ++row) {
    v1::EquatedRow* out = result.add_table();
    out->set_raw_score(static_cast<uint32_t>(row));
    out->set_base_raw((*table)[row].equated);
    const double mean_away = sum[row] / kDraws;
    out->set_standard_error(std::sqrt(std::max(0.0, square[row] / kDraws - mean_away * mean_away)));
  }
  return absl::OkStatus();
}

// The scores of a form's sessions, and those on the anchor columns.
struct Group {
  std::vector<double> total, anchor;
};

Group GroupOf(const Dataset& data, const std::string& form_id, const std::vector<size_t>& anchor) {
  Group group;
  for (size_t s = 0; s < data.sessions; ++s) {
    if (data.form_ids[s] != form_id) continue;
    group.total.push_back(data.raw[s]);
    double score = 0;
    for (const size_t i : anchor) score += data.At(s, i) == 1 ? 1 : 0;
    group.anchor.push_back(score);
  }
  return group;
}

// What a raw score, which need not be whole, is on the base form by a conversion.
std::pair<double, double> BaseRawAt(const Conversion& conversion, double raw) {
  const double most = static_cast<double>(conversion.rows.size() - 1);
  const double at = std::clamp(raw, 0.0, most);
  const auto below = static_cast<size_t>(std::min(std::floor(at), most - 1));
  const double low = conversion.rows[below].base_raw, high = conversion.rows[below + 1].base_raw;
  return {low + (at - static_cast<double>(below)) * (high - low), high - low};
}

// Observed scores of the form to those of the reference form, and on by its conversion.
absl::Status FillObservedTable(const v1::EquatingSettings& settings, const FormView& form,
                               const FormView& reference, const Dataset& data,
                               v1::EquatingResult& result) {
  if (!reference.conversion) {
    return FailedPrecondition("REFERENCE_WITHOUT_CONVERSION",
                              "the reference form has no conversion: nobody was scored on it");
  }
  std::set<std::string> common;
  for (const KeyedItem* item : form.scored) {
    for (const KeyedItem* other : reference.scored) {
      if (item->bank_item_id == other->bank_item_id) common.insert(item->bank_item_id);
    }
  }
  std::vector<size_t> anchor;
  for (size_t i = 0; i < data.items.size() && !settings.random_groups(); ++i) {
    if (common.contains(data.items[i].item_id())) anchor.push_back(i);
  }
  const auto design =
      settings.random_groups() ? equating::Design::kRandomGroups : equating::Design::kNeatInternal;
  const auto table_of = [&](const FormView& view, const char* name) {
    Group group = GroupOf(data, view.key.form_id, anchor);
    if (settings.random_groups()) group.anchor.clear();
    return equating::Tabulate(group.total, group.anchor, static_cast<int>(view.scored.size()),
                              static_cast<int>(anchor.size()), name);
  };
  const auto x = table_of(form, "the form"), y = table_of(reference, "the reference form");
  if (!x.ok()) return x.status();
  if (!y.ok()) return y.status();
  result.set_persons(static_cast<uint64_t>(x->n));
  result.set_reference_persons(static_cast<uint64_t>(y->n));
  equating::Request request{.design = design};
  if (const auto method = ObservedMethod(settings.method())) {
    request.method = *method;
    request.smoothing = {.degree = static_cast<int>(settings.smoothing_degree()),
                         .cross = static_cast<int>(settings.smoothing_cross())};
    result.set_method_reason("Asked for.");
  } else {
    const auto recommended = equating::RecommendMethod(design, *x, *y);
    request.method = recommended.method;
    request.smoothing = recommended.smoothing;
    result.set_method_reason(recommended.reason);
  }
  result.set_method(ProtoOf(request.method));
  const auto equated = equating::Equate(request, *x, *y);
  if (!equated.ok()) return equated.status();
  for (const equating::EquatedScore& score : equated->table) {
    const auto [base_raw, slope] = BaseRawAt(*reference.conversion, score.equated);
    v1::EquatedRow* out = result.add_table();
    out->set_raw_score(static_cast<uint32_t>(score.raw));
    out->set_base_raw(base_raw);
    if (score.standard_error) out->set_standard_error(*score.standard_error * slope);
  }
  return absl::OkStatus();
}

// Sets the conversion in use beside the table, and the figures at the cut.
void Compare(const FormView& form, v1::EquatingResult& result) {
  const double cut = form.key.standard.base_cut_raw;
  result.set_base_cut_raw(cut);
  double greatest = 0, nearest = std::numeric_limits<double>::infinity();
  for (v1::EquatedRow& row : *result.mutable_table()) {
    const bool known = form.conversion && row.raw_score() < form.conversion->rows.size();
    if (known) {
      row.set_conversion_base_raw(form.conversion->rows[row.raw_score()].base_raw);
      greatest = std::max(greatest, std::abs(row.base_raw() - row.conversion_base_raw()));
    }
    if (std::abs(row.base_raw() - cut) >= nearest) continue;
    nearest = std::abs(row.base_raw() - cut);
    result.clear_standard_error_at_cut();
    if (row.has_standard_error()) result.set_standard_error_at_cut(row.standard_error());
    if (known) result.set_difference_at_cut(row.base_raw() - row.conversion_base_raw());
  }
  if (form.conversion) result.set_greatest_difference(greatest);
}

// Every operational item, checked by the new calibration or resting on an accepted one.
void FillAnchors(const Dataset& data, const std::optional<LinkedCalibration>& linked,
                 const std::set<std::string>& only, v1::EquatingResult& result) {
  std::map<std::string, const linking::AnchorDrift*> drift;
  std::map<std::string, double> errors;
  for (size_t k = 0; linked && k < linked->anchors.size(); ++k) {
    const std::string& id = linked->data.items[linked->anchors[k]].item_id();
    drift[id] = &linked->drift[k];
    errors[id] = linked->result.items[linked->anchors[k]].se_difficulty.value_or(0);
  }
  const std::vector<ColumnStatistics> columns = StatisticsOf(data);
  for (size_t i = 0; i < data.items.size(); ++i) {
    const auto& item = data.items[i];
    if (item.status() != ITEM_STATUS_OPERATIONAL || !item.has_irt()) continue;
    if (!only.empty() && !only.contains(item.item_id())) continue;
    v1::AnchorItem* out = result.add_anchors();
    out->set_item_id(item.item_id());
    out->set_item_version(item.version());
    const auto checked = drift.find(item.item_id());
    if (checked == drift.end()) {
      out->set_covered(!item.irt().calibration_id().empty());
      continue;
    }
    out->set_answers(columns[i].answers);
    out->set_displacement(checked->second->displacement);
    if (checked->second->robust_z) out->set_robust_z(*checked->second->robust_z);
    // What the estimate's own error explains is no drift of the item.
    out->set_drifts((checked->second->drifts || checked->second->removed) &&
                    std::abs(checked->second->displacement) >
                        kDriftErrors * errors[item.item_id()]);
    out->set_covered(!out->drifts());
  }
}

}  // namespace

absl::StatusOr<v1::EquatingResult> RunEquating(const v1::EquatingSettings& settings,
                                               const EquatingSources& sources,
                                               const Reporter& report) {
  v1::DatasetScope scope = settings.scope();
  const std::string& reference_id = settings.reference_form_id();
  if (!reference_id.empty()) scope.add_form_ids(reference_id);
  const auto data = sources.reader.Read(scope, {}, sources.bank, [&](uint64_t sessions) {
    v1::CalibrationProgress progress;
    progress.set_sessions_read(sessions);
    return report(progress);
  });
  if (!data.ok()) return data.status();
  if (data->sessions == 0) {
    return FailedPrecondition("EQUATING_EMPTY", "no session in scope has a usable answer");
  }
  const bool family = settings.scope().form_ids_size() == 0;
  const std::string form_id = family
                                  ? *std::min_element(data->form_ids.begin(), data->form_ids.end())
                                  : settings.scope().form_ids(0);
  auto form = ViewOfForm(form_id, scope.exam_id(), sources);
  if (!form.ok()) return form.status();
  FindScored(*form);

  v1::EquatingResult result;
  *result.mutable_dataset() = data->summary;
  result.set_form_id(form_id);
  result.set_link_a(1);
  result.set_library_version(kLibraryVersion);
  result.set_persons(data->sessions);
  const bool asked_irt = settings.method() == v1::EQUATING_METHOD_IRT_TRUE_SCORE ||
                         settings.method() == v1::EQUATING_METHOD_IRT_OBSERVED_SCORE;
  const bool irt =
      asked_irt || (reference_id.empty() && settings.method() == v1::EQUATING_METHOD_UNSPECIFIED);
  if (!irt && (family || reference_id.empty())) {
    return FailedPrecondition("METHOD_NEEDS_REFERENCE",
                              "observed-score methods equate one form to a reference form");
  }
  FreeSettings free{.model = settings.model(),
                    .least_answers = settings.least_answers(),
                    .prior_logit_g = std::nullopt,
                    .most_iterations = 0,
                    .threads = sources.threads};
  if (settings.has_prior_logit_g_sd()) {
    free.prior_logit_g = NormalPrior{settings.prior_logit_g_mean(), settings.prior_logit_g_sd()};
  }
  auto linked = CalibrateFreely(*data, free, report);
  if (!linked.ok() && (irt || absl::IsCancelled(linked.status()))) return linked.status();
  std::optional<LinkedCalibration> check;
  if (linked.ok()) {
    result.set_link_a(linked->link.a);
    result.set_link_b(linked->link.b);
    result.set_drift_stopped(linked->stopped_at_bound);
    check = *std::move(linked);
  }
  std::set<std::string> only;
  if (!family) {
    for (const KeyedItem* item : form->scored) only.insert(item->bank_item_id);
  }
  FillAnchors(*data, check, only, result);
  if (irt) {
    result.set_method(asked_irt ? settings.method() : v1::EQUATING_METHOD_IRT_TRUE_SCORE);
    result.set_method_reason(
        asked_irt ? "Asked for."
                  : absl::StrCat("No reference form: ", data->sessions,
                                 " candidates took forms that only item parameters connect, with ",
                                 check->anchors.size(), " operational items as anchor."));
    INVIGIL_RETURN_IF_ERROR(FillIrtTable(result.method(), *form, *check, result));
  } else {
    auto reference = ViewOfForm(reference_id, scope.exam_id(), sources);
    if (!reference.ok()) return reference.status();
    FindScored(*reference);
    INVIGIL_RETURN_IF_ERROR(FillObservedTable(settings, *form, *reference, *data, result));
    if (!check) {
      result.set_method_reason(result.method_reason() +
                               " Anchors could not be checked for drift: too few answers.");
    }
  }
  Compare(*form, result);
  result.set_digest(DigestOf(result));
  return result;
}

std::string DigestOf(v1::EquatingResult result) {
  result.clear_digest();
  return Sha256Hex(result.SerializeAsString());
}

Coverage CoverageOf(const v1::EquatingSettings& settings, const v1::EquatingResult& result) {
  Coverage coverage;
  if (settings.scope().form_ids_size() > 0) {
    coverage.form_ids.push_back(result.form_id());
    return coverage;
  }
  for (const v1::AnchorItem& item : result.anchors()) {
    if (item.covered()) coverage.items.emplace_back(item.item_id(), item.item_version());
  }
  return coverage;
}

}  // namespace invigil::scoring
