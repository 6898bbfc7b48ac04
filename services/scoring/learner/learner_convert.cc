#include "services/scoring/learner/learner_convert.h"

namespace invigil::scoring {
namespace {

v1::ReadinessVerdict ToProto(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReady:
      return v1::READINESS_VERDICT_READY;
    case Verdict::kClose:
      return v1::READINESS_VERDICT_CLOSE;
    case Verdict::kNotReady:
      return v1::READINESS_VERDICT_NOT_READY;
    case Verdict::kNotEnoughEvidence:
      break;
  }
  return v1::READINESS_VERDICT_NOT_ENOUGH_EVIDENCE;
}

v1::KeyExposure ToProto(KeyExposure exposure) {
  switch (exposure) {
    case KeyExposure::kNothing:
      break;
    case KeyExposure::kCounts:
      return v1::KEY_EXPOSURE_COUNTS;
    case KeyExposure::kOwnChoices:
    case KeyExposure::kFull:  // options that were missed are never told
      return v1::KEY_EXPOSURE_OWN_CHOICES;
  }
  return v1::KEY_EXPOSURE_NOTHING;
}

}  // namespace

void SetTime(Time from, google::protobuf::Timestamp* to) {
  const int64_t us = ToUnixMicros(from);
  to->set_seconds(us / 1'000'000);
  to->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
}

void FillBasis(const ScoringKey& exam, const ReadinessOptions& options,
               const std::optional<PriorRecord>& prior, bool low_evidence, v1::EstimateBasis* out) {
  out->set_practice_estimate(true);
  out->set_prior_mean(options.prior_mean);
  out->set_prior_sd(options.prior_sd);
  out->set_prior_learners(prior ? prior->learners : 0);
  out->set_low_evidence(low_evidence);
  out->set_disclaimer(exam.disclaimer);
}

void FillReadiness(const LearnerReadiness& from, const ScoringKey& exam,
                   const ReadinessModel& model, v1::Readiness* out) {
  const Readiness& readiness = from.readiness;
  out->set_exam_id(exam.exam_id);
  out->set_title(exam.title);
  out->set_verdict(ToProto(readiness.verdict));
  for (const std::string& need : readiness.needs) out->add_needs(need);
  out->set_probability(readiness.probability);
  out->set_probability_unadjusted(readiness.probability_unadjusted);
  out->set_probability_low(readiness.probability_low);
  out->set_probability_high(readiness.probability_high);
  out->set_interval(readiness.interval);
  out->set_exam_day_adjustment(readiness.exam_day_adjustment);
  out->set_scaled_mean(readiness.scaled_mean);
  out->set_scaled_sd(readiness.scaled_sd);
  out->set_scaled_low(readiness.scaled_low);
  out->set_scaled_high(readiness.scaled_high);
  out->set_cut_score(exam.scale.cut);
  out->set_band(model.options().band);
  out->set_buffer(readiness.buffer);
  out->set_in_band(static_cast<uint32_t>(readiness.in_band));
  out->set_of_last(static_cast<uint32_t>(readiness.of_last));
  out->set_items_variance(readiness.variance.items);
  out->set_forms_variance(readiness.variance.forms);
  out->set_occasions_variance(readiness.variance.occasions);
  if (from.trend) {
    out->set_trend_per_week(from.trend->points_per_week);
    out->set_trend_error(from.trend->error);
  }
  for (const JudgedSession& session : from.sessions) {
    v1::SessionEvidence* to = out->add_sessions();
    to->set_session_id(session.session_id);
    SetTime(session.end, to->mutable_end_time());
    to->set_exclusion(session.exclusion);
    to->set_explanation(session.explanation);
    if (session.scaled) to->set_scaled_score(*session.scaled);
    to->set_in_band(session.in_band);
  }
}

void FillPlan(const LearnerPlan& plan, const ScoringKey& exam, v1::StudyPlan* out) {
  for (size_t d = 0; d < plan.plan.size(); ++d) {
    const PlannedDomain& planned = plan.plan[d];
    const DomainDefinition& domain = exam.domains[d];
    v1::PlannedDomain* to = out->add_domains();
    to->set_domain_id(domain.domain_id);
    to->set_name(domain.name);
    to->set_weight_percent(domain.weight_percent);
    to->set_answers(static_cast<uint32_t>(plan.gaps[d].topic.items));
    to->set_evidence(planned.evidence);
    to->set_believed_gap(planned.believed_gap);
    to->set_minutes(static_cast<uint32_t>(planned.minutes));
    for (size_t t = 0; t < planned.tasks.size(); ++t) {
      v1::PlannedTask* task = to->add_tasks();
      task->set_task_id(planned.tasks[t].id);
      task->set_name(domain.tasks[t].name);
      task->set_answers(static_cast<uint32_t>(plan.gaps[d].tasks[t].items));
      task->set_minutes(static_cast<uint32_t>(planned.tasks[t].minutes));
    }
    if (d >= plan.drag.size()) continue;
    const DomainDrag& drag = plan.drag[d];
    v1::DomainSignal* signal = to->mutable_signal();
    signal->set_domain_id(domain.domain_id);
    signal->set_name(domain.name);
    signal->set_weight_percent(domain.weight_percent);
    signal->set_answers(static_cast<uint32_t>(drag.items));
    signal->set_gap(drag.gap);
    signal->set_gap_error(drag.gap_error);
    signal->set_judged(drag.judged);
    signal->set_drags(drag.drags);
    signal->set_severity(drag.severity);
  }
}

void FillMisses(const MissNotes& notes, KeyExposure exposure, v1::GetMissesResponse* out) {
  out->set_exposure(ToProto(exposure));
  const bool own = ToProto(exposure) == v1::KEY_EXPOSURE_OWN_CHOICES;
  for (const MissNote& note : notes.misses) {
    v1::Miss* to = out->add_misses();
    to->set_item_id(note.item_id);
    to->set_position(static_cast<uint32_t>(note.position));
    to->set_kind(NameOf(note.kind));
    to->set_note(note.note);
    if (!own) continue;
    to->mutable_own_right()->Assign(note.own_right.begin(), note.own_right.end());
    to->mutable_own_wrong()->Assign(note.own_wrong.begin(), note.own_wrong.end());
  }
  for (const auto& [kind, count] : notes.counts) {
    v1::MissCount* to = out->add_counts();
    to->set_kind(NameOf(kind));
    to->set_count(static_cast<uint32_t>(count));
  }
}

void FillDiagnostic(const DiagnosticResult& result, const ScoringKey& exam, double interval,
                    v1::Diagnostic* out) {
  out->set_exam_id(exam.exam_id);
  out->set_title(exam.title);
  out->set_items(static_cast<uint32_t>(result.items));
  out->set_right(static_cast<uint32_t>(result.right));
  out->set_exam_percent(result.exam_percent);
  out->set_exam_percent_low(result.exam_percent_low);
  out->set_exam_percent_high(result.exam_percent_high);
  out->set_interval(interval);
  if (result.weakest.named) {
    out->set_weakest_domain_id(exam.domains[*result.weakest.named].domain_id);
  }
  out->set_weakest_text(result.weakest_text);
}

}  // namespace invigil::scoring
