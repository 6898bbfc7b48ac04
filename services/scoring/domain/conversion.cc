#include "services/scoring/domain/conversion.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "common/error/error.h"
#include "services/scoring/domain/lord_wingersky.h"
#include "services/scoring/domain/scale/reporting.h"
#include "services/scoring/domain/scale/scale_map.h"

namespace invigil::scoring {
namespace {

std::vector<ItemParameters> OperationalItems(const ScoringKey& key) {
  std::vector<ItemParameters> items;
  for (const KeyedItem& item : key.items) {
    if (item.operational) items.push_back(item.irt);
  }
  return items;
}

// Conditional standard error of the printed score (Kolen, Zeng & Hanson 1996): how far it scatters
// when a candidate of one ability sits the form again. At the ends, where the row has no finite
// ability, the ability half a question inside is taken; an error of 0 there would be a lie.
double StandardError(std::span<const ItemParameters> items, const std::vector<ConversionRow>& rows,
                     uint32_t raw) {
  const double floor = LowerAsymptoteSum(items), most = static_cast<double>(items.size());
  const double inside = std::min(0.5, 0.5 * (most - floor));
  const auto theta = AbilityAt(items, std::clamp<double>(raw, floor + inside, most - inside));
  if (!theta) return 0;
  const std::vector<double> f = NumberCorrectDistribution(items, *theta);
  double mean = 0;
  for (size_t x = 0; x < f.size(); ++x) mean += f[x] * rows[x].scaled_score;
  double variance = 0;
  for (size_t x = 0; x < f.size(); ++x) {
    const double away = rows[x].scaled_score - mean;
    variance += f[x] * away * away;
  }
  return std::sqrt(variance);
}

std::vector<DomainStandard> DomainStandards(const ScoringKey& key, double theta_cut) {
  std::vector<DomainStandard> standards;
  for (const DomainDefinition& domain : key.domains) {
    std::vector<ItemParameters> items;
    for (const KeyedItem& item : key.items) {
      if (item.operational && item.domain_id == domain.domain_id) items.push_back(item.irt);
    }
    standards.push_back({.domain_id = domain.domain_id,
                         .raw_max = static_cast<uint32_t>(items.size()),
                         .expected_at_cut = ExpectedNumberCorrect(items, theta_cut),
                         .deviation = NumberCorrectDeviation(items, theta_cut)});
  }
  return standards;
}

bool IsCalibrated(const ScoringKey& key) {
  const auto& base = key.standard.base_sample_sizes;
  return base.size() == key.standard.base_form.size() &&
         std::all_of(base.begin(), base.end(), [](uint32_t size) { return size > 0; }) &&
         std::all_of(key.items.begin(), key.items.end(), [](const KeyedItem& item) {
           return !item.operational || item.sample_size > 0;
         });
}

Error NotEquated(const ScoringKey& key, const std::string& why) {
  return FailedPrecondition("FORM_NOT_EQUATED", "no conversion can be made for the form: " + why)
      .With("form_id", key.form_id);
}

}  // namespace

absl::StatusOr<Conversion> BuildConversion(const ScoringKey& key) {
  INVIGIL_RETURN_IF_ERROR(Validate(key));
  const std::vector<ItemParameters> items = OperationalItems(key);
  const std::vector<ItemParameters>& base = key.standard.base_form;
  const double floor = LowerAsymptoteSum(items), base_floor = LowerAsymptoteSum(base);
  const double base_max = static_cast<double>(base.size());
  const double base_cut = key.standard.base_cut_raw;
  const ReportingScale scale{.min = key.scale.min, .max = key.scale.max, .cut = key.scale.cut};
  // Piecewise linear, one knee at the cut.
  const auto map = ScaleMap::PiecewiseLinear({{0, static_cast<double>(key.scale.min)},
                                              {base_cut, static_cast<double>(key.scale.cut)},
                                              {base_max, static_cast<double>(key.scale.max)}});
  if (!map.ok()) return map.status();

  Conversion conversion{.form_id = key.form_id, .key_version = key.key_version, .scale = key.scale};
  conversion.theta_cut = AbilityAt(base, base_cut).value();
  conversion.calibrated = IsCalibrated(key);
  conversion.domains = DomainStandards(key, conversion.theta_cut);

  for (uint32_t raw = 0; raw <= items.size(); ++raw) {
    ConversionRow row{.raw_score = raw};
    if (raw == items.size()) {
      row.base_raw = base_max;
    } else if (raw == 0) {
      row.base_raw = 0;
    } else if (raw <= floor + kScaleGuard) {
      row.base_raw = base_floor * std::min(1.0, raw / floor);
    } else {
      row.theta = AbilityAt(items, raw);
      if (!row.theta) return NotEquated(key, "raw " + std::to_string(raw) + " has no ability");
      row.base_raw = ExpectedNumberCorrect(base, *row.theta);
    }
    if (raw > 0) {
      // Both curves rise, so only the last digits can fall; what falls further is no equating.
      const double below = conversion.rows.back().base_raw;
      if (!(row.base_raw >= below - kScaleGuard)) {
        return NotEquated(key, "scores would fall at raw " + std::to_string(raw));
      }
      row.base_raw = std::max(row.base_raw, below);
    }
    const auto reported = Report(row.base_raw, base_cut, *map, scale);
    if (!reported.ok()) return reported.status();
    row.passed = reported->passed.value();
    row.scaled_unrounded = reported->unrounded.value();
    row.scaled_score = reported->printed.value();
    conversion.rows.push_back(row);
  }
  for (ConversionRow& row : conversion.rows) {
    row.standard_error = StandardError(items, conversion.rows, row.raw_score);
  }
  const auto cut = std::find_if(conversion.rows.begin(), conversion.rows.end(),
                                [](const ConversionRow& row) { return row.passed; });
  conversion.cut_raw = cut->raw_score;  // the last row always passes: the cut is below base maximum
  return conversion;
}

}  // namespace invigil::scoring
