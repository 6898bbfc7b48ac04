#include "services/scoring/reports/report_convert.h"

#include "absl/time/time.h"

namespace invigil::scoring::reports {
namespace {

void SetTime(Time from, google::protobuf::Timestamp* to) {
  const int64_t us = ToUnixMicros(from);
  to->set_seconds(us / 1'000'000);
  to->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
}

int ZoneOf(v1::DomainBand band) {
  return band == v1::DOMAIN_BAND_BELOW ? -1 : band == v1::DOMAIN_BAND_ABOVE ? 1 : 0;
}

}  // namespace

ScoreFacts FactsOf(const v1::Score& score) {
  ScoreFacts facts{.session_id = score.session_id(),
                   .title = score.title(),
                   .passed = score.passed(),
                   .scaled_score = score.scaled_score(),
                   .scale_min = score.scale_min(),
                   .scale_max = score.scale_max(),
                   .cut_score = score.cut_score(),
                   .standard_error = score.standard_error(),
                   .domains = {},
                   .disclaimer = score.disclaimer(),
                   .basis = score.basis(),
                   .scored_at = {},
                   .score_version = score.score_version(),
                   .explanation = {}};
  for (const v1::DomainScore& domain : score.domains()) {
    facts.domains.push_back({.domain_id = domain.domain_id(),
                             .name = domain.name(),
                             .weight_percent = domain.weight_percent(),
                             .zone = ZoneOf(domain.band()),
                             .explanation = domain.explanation()});
  }
  if (score.has_score_time()) {
    facts.scored_at =
        absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::FromUnixSeconds(score.score_time().seconds()),
                         absl::UTCTimeZone());
  }
  return facts;
}

void FillCohort(const CohortNumbers& numbers, v1::CohortReport* out) {
  out->set_exam_id(numbers.exam_id);
  out->set_title(numbers.title);
  out->set_form_id(numbers.form_id);
  out->set_forms(numbers.forms);
  out->set_sessions(numbers.passed.of);
  out->set_passed(numbers.passed.hits);
  out->set_pass_rate(numbers.passed.rate);
  out->set_pass_rate_low(numbers.passed.low);
  out->set_pass_rate_high(numbers.passed.high);
  out->set_mean(numbers.mean);
  out->set_standard_deviation(numbers.deviation);
  if (numbers.alpha) out->set_alpha(*numbers.alpha);
  if (numbers.reliability) out->set_reliability(*numbers.reliability);
  out->set_standard_error(numbers.standard_error);
  if (numbers.standard_error_at_cut) {
    out->set_standard_error_at_cut(*numbers.standard_error_at_cut);
  }
  out->set_decision_consistency(numbers.consistency);
  out->set_decision_accuracy(numbers.accuracy);
  out->set_scale_min(numbers.scale.min);
  out->set_scale_max(numbers.scale.max);
  out->set_cut_score(numbers.scale.cut);
  for (const Bin& bin : numbers.histogram) {
    v1::ScoreBin* to = out->add_histogram();
    to->set_from(bin.from);
    to->set_to(bin.to);
    to->set_count(bin.count);
  }
  for (const Period& period : numbers.periods) {
    v1::PeriodResult* to = out->add_periods();
    SetTime(period.start, to->mutable_start_time());
    to->set_sessions(period.passed.of);
    to->set_passed(period.passed.hits);
    to->set_pass_rate(period.passed.rate);
    to->set_pass_rate_low(period.passed.low);
    to->set_pass_rate_high(period.passed.high);
  }
  for (const ItemResult& item : numbers.items) {
    v1::ReportedItem* to = out->add_items();
    to->set_item_id(item.item_id);
    to->set_domain_id(item.domain_id);
    to->set_answers(item.answers);
    to->set_p_value(item.p);
    to->set_expected_p_value(item.expected_p);
    to->set_drift_z(item.drift_z);
    if (item.corrected_r) to->set_corrected_point_biserial(*item.corrected_r);
    for (const std::string& flag : item.flags) to->add_flags(flag);
  }
  for (const std::string& alarm : numbers.alarms) out->add_alarms(alarm);
  out->set_disclaimer(numbers.disclaimer);
  out->set_sessions_left_out(numbers.left_out);
}

}  // namespace invigil::scoring::reports
