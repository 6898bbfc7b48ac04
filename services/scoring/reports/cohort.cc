#include "services/scoring/reports/cohort.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "common/error/error.h"
#include "services/scoring/domain/decisions/classification.h"
#include "services/scoring/domain/pages/html.h"
#include "services/scoring/domain/scoring.h"

namespace invigil::scoring::reports {
namespace {

constexpr double kNormal95 = 1.959963984540054;
// Abilities at the ends of a form, where its curve gives none.
constexpr double kFarthest = 4;
constexpr size_t kBins = 20;
constexpr int64_t kDay = int64_t{86'400} * 1'000'000, kWeek = 7 * kDay;
constexpr size_t kMostDays = 60;
// 1970-01-05 was a Monday.
constexpr int64_t kFirstMonday = 4 * kDay;
constexpr double kLow = 0.30, kHigh = 0.95, kWeak = 0.15;

double AbilityOf(const ConversionRow& row, size_t rows) {
  if (row.theta) return std::clamp(*row.theta, -kFarthest, kFarthest);
  return row.raw_score + 1 == rows ? kFarthest : -kFarthest;
}

}  // namespace

Rate WilsonRate(uint64_t hits, uint64_t of) {
  Rate rate{.of = of, .hits = hits};
  if (of == 0) return rate;
  const double n = static_cast<double>(of), p = static_cast<double>(hits) / n;
  const double z2 = kNormal95 * kNormal95;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kNormal95 / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  rate.rate = p;
  rate.low = std::clamp(middle - half, 0.0, p);
  rate.high = std::clamp(middle + half, p, 1.0);
  return rate;
}

void Cohort::Add(uint32_t raw_score, bool passed, Time first_scored, const Conversion& conversion,
                 const ScoringKey& key, const std::vector<SealedResponse>& responses) {
  if (scores_.empty()) {
    exam_id_ = key.exam_id;
    title_ = key.title;
    disclaimer_ = key.disclaimer;
    scale_ = conversion.scale;
  }
  if (!(conversion.scale == scale_) || raw_score >= conversion.rows.size()) {
    ++other_scale_;
    return;
  }
  const ConversionRow& row = conversion.rows[raw_score];
  scores_.push_back({.scaled = row.scaled_unrounded,
                     .printed = row.scaled_score,
                     .error = row.standard_error,
                     .passed = passed,
                     .at = first_scored});
  forms_.insert(key.form_id);
  raw_sum_ += raw_score;
  raw_square_ += static_cast<double>(raw_score) * raw_score;

  std::map<std::string_view, const SealedResponse*> answers;
  for (const SealedResponse& response : responses) answers.emplace(response.item_id, &response);
  const double theta = AbilityOf(row, conversion.rows.size());
  const auto operational = static_cast<double>(conversion.rows.size() - 1);
  for (const KeyedItem& item : key.items) {
    if (!item.operational) continue;
    const auto answer = answers.find(item.item_id);
    const bool right =
        item.credit || (answer != answers.end() && IsRight(item, answer->second->option_ids));
    ItemSums& sums = items_[item.bank_item_id];
    sums.domain_id = item.domain_id;
    ++sums.n;
    sums.right += right;
    const double p = Probability(item.irt, theta);
    sums.expected += p;
    sums.variance += p * (1 - p);
    const double rest = operational > 1 ? (raw_score - (right ? 1 : 0)) / (operational - 1) : 0;
    sums.rest += rest;
    sums.rest_square += rest * rest;
    if (right) sums.cross += rest;
  }
}

ItemResult Cohort::ResultOf(const std::string& item_id, const ItemSums& sums) const {
  const double n = static_cast<double>(sums.n), right = static_cast<double>(sums.right);
  ItemResult result{.item_id = item_id,
                    .domain_id = sums.domain_id,
                    .answers = sums.n,
                    .p = right / n,
                    .expected_p = sums.expected / n,
                    .drift_z = 0,
                    .corrected_r = std::nullopt,
                    .flags = {}};
  if (sums.variance > 0) result.drift_z = (right - sums.expected) / std::sqrt(sums.variance);
  const double item_variance = result.p * (1 - result.p);
  const double rest_variance = sums.rest_square / n - sums.rest / n * (sums.rest / n);
  if (item_variance > 0 && rest_variance > 1e-12) {
    result.corrected_r =
        (sums.cross / n - result.p * sums.rest / n) / std::sqrt(item_variance * rest_variance);
  }
  if (sums.n < kLeastAnswers) return result;
  if (result.p < kLow) result.flags.push_back("P_LOW");
  if (result.p > kHigh) result.flags.push_back("P_HIGH");
  if (result.corrected_r && *result.corrected_r < kWeak) result.flags.push_back("CORRELATION_LOW");
  if (std::abs(result.drift_z) > kDriftErrors &&
      std::abs(result.p - result.expected_p) >= kDriftShare) {
    result.flags.push_back("DRIFT");
  }
  return result;
}

std::vector<Period> Cohort::Periods() const {
  const auto group = [this](int64_t length, int64_t begin) {
    std::map<int64_t, std::pair<uint64_t, uint64_t>> groups;
    for (const Scored& score : scores_) {
      auto& [passed, all] = groups[(ToUnixMicros(score.at) - begin) / length * length + begin];
      passed += score.passed;
      ++all;
    }
    return groups;
  };
  auto groups = group(kDay, 0);
  if (groups.size() > kMostDays) groups = group(kWeek, kFirstMonday);
  std::vector<Period> periods;
  for (const auto& [start, counts] : groups) {
    periods.push_back({FromUnixMicros(start), WilsonRate(counts.first, counts.second)});
  }
  return periods;
}

std::optional<double> Cohort::Alpha() const {
  if (forms_.size() != 1 || scores_.size() < 2 || items_.size() < 2) return std::nullopt;
  const auto n = static_cast<double>(scores_.size()), j = static_cast<double>(items_.size());
  const double variance = raw_square_ / n - raw_sum_ / n * (raw_sum_ / n);
  if (!(variance > 1e-12)) return std::nullopt;
  double items = 0;
  for (const auto& [id, sums] : items_) {
    const double p = static_cast<double>(sums.right) / static_cast<double>(sums.n);
    items += p * (1 - p);
  }
  return j / (j - 1) * (1 - items / variance);
}

absl::StatusOr<CohortNumbers> Cohort::Finish() const {
  if (scores_.empty()) return NotFound("NO_SESSIONS", "no session was scored there and then");
  CohortNumbers numbers{.exam_id = exam_id_,
                        .title = title_,
                        .form_id = {},
                        .disclaimer = disclaimer_,
                        .forms = forms_.size(),
                        .passed = {},
                        .alpha = Alpha(),
                        .reliability = std::nullopt,
                        .standard_error_at_cut = std::nullopt,
                        .scale = scale_,
                        .histogram = {},
                        .periods = Periods(),
                        .items = {},
                        .alarms = {},
                        .left_out = other_scale_};
  const auto n = static_cast<double>(scores_.size());
  uint64_t hits = 0, near = 0;
  double sum = 0, errors = 0, near_errors = 0;
  const double reach = (scale_.max - scale_.min) / 10.0;
  AbilityNodes nodes;
  std::vector<double> node_errors;
  for (const Scored& score : scores_) {
    hits += score.passed;
    sum += score.printed;
    errors += score.error * score.error;
    if (std::abs(score.scaled - scale_.cut) <= reach) {
      ++near;
      near_errors += score.error * score.error;
    }
    nodes.theta.push_back(score.scaled);
    nodes.weight.push_back(1);
    node_errors.push_back(std::max(score.error, 1e-6));
  }
  numbers.passed = WilsonRate(hits, scores_.size());
  numbers.mean = sum / n;
  double squares = 0;
  for (const Scored& score : scores_) squares += std::pow(score.printed - numbers.mean, 2);
  if (scores_.size() > 1) numbers.deviation = std::sqrt(squares / (n - 1));
  numbers.standard_error = std::sqrt(errors / n);
  if (near > 0) numbers.standard_error_at_cut = std::sqrt(near_errors / static_cast<double>(near));
  const double variance = numbers.deviation * numbers.deviation;
  if (variance > errors / n) numbers.reliability = 1 - errors / n / variance;
  const std::vector<double> cuts = {static_cast<double>(scale_.cut)};
  const auto decisions = RudnerClassification(cuts, nodes, node_errors);
  if (!decisions.ok()) return decisions.status();
  numbers.consistency = decisions->consistency;
  numbers.accuracy = decisions->accuracy;

  const int32_t width = std::max<int32_t>(
      1, static_cast<int32_t>(std::ceil((scale_.max - scale_.min + 1) / double{kBins})));
  // A column begins at the cut, so that none holds both passes and fails.
  int32_t from = scale_.cut - (scale_.cut - scale_.min) / width * width;
  if (from > scale_.min) numbers.histogram.push_back({scale_.min, from - 1, 0});
  for (; from <= scale_.max; from += width) {
    numbers.histogram.push_back({from, std::min(from + width - 1, scale_.max), 0});
  }
  for (const Scored& score : scores_) {
    for (Bin& bin : numbers.histogram)
      bin.count += score.printed >= bin.from && score.printed <= bin.to;
  }

  for (const auto& [item_id, sums] : items_) numbers.items.push_back(ResultOf(item_id, sums));
  std::stable_sort(
      numbers.items.begin(), numbers.items.end(),
      [](const ItemResult& a, const ItemResult& b) { return a.flags.empty() < b.flags.empty(); });
  for (const ItemResult& item : numbers.items) {
    if (std::find(item.flags.begin(), item.flags.end(), "DRIFT") == item.flags.end()) continue;
    numbers.alarms.push_back("Item " + item.item_id + " has drifted: " + Percent(item.p, 1) +
                             " answered it right where its parameters say " +
                             Percent(item.expected_p, 1) + ".");
  }
  for (const Period& period : numbers.periods) {
    const double rate = numbers.passed.rate, of = static_cast<double>(period.passed.of);
    const double error = std::sqrt(rate * (1 - rate) / of);
    if (period.passed.of < kLeastAnswers || error == 0) continue;
    if (std::abs(period.passed.rate - rate) <= kDriftErrors * error) continue;
    numbers.alarms.push_back("A period with " + std::to_string(period.passed.of) +
                             " sessions passed " + Percent(period.passed.rate, 1) +
                             " where all have " + Percent(rate, 1) + ".");
  }
  return numbers;
}

}  // namespace invigil::scoring::reports
