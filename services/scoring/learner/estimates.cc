#include "services/scoring/learner/estimates.h"

#include <algorithm>
#include <cmath>

namespace invigil::scoring {
namespace {

// Of a session's scaled score when nothing better is known: what a form of 50 items has near its
// cut, as a share of the scale.
constexpr double kSessionErrorShare = 0.065;

std::string Explain(Exclusion exclusion) {
  switch (exclusion) {
    case Exclusion::kNone:
      return "";
    case Exclusion::kNotFullLength:
      return "It was shorter than the exam.";
    case Exclusion::kNotTimed:
      return "Its clock never ran.";
    case Exclusion::kPaused:
      return "Its clock was stopped, or it was reopened.";
    case Exclusion::kRevealed:
      return "Answers or explanations were shown before it ended.";
    case Exclusion::kAided:
      return "There were aids.";
    case Exclusion::kNotEquated:
      return "Its form is not on the exam's scale.";
    case Exclusion::kRepeatedItems:
      return "More than a fifth of its questions had been seen before: it tests memory of them.";
    case Exclusion::kNoItems:
      return "Nothing in it counts.";
    case Exclusion::kUnexplained:
      return "Its answers fit no level of knowledge: the statistics of its questions must be "
             "wrong.";
  }
  return "";
}

std::vector<double> WeightsOf(const ScoringKey& exam) {
  std::vector<double> weights;
  for (const DomainDefinition& domain : exam.domains) weights.push_back(domain.weight_percent);
  return weights;
}

}  // namespace

ReadinessOptions OptionsFor(const ScoringKey& exam, const std::optional<PriorRecord>& prior) {
  ReadinessOptions options;
  options.band = exam.scale.cut + (exam.scale.max - exam.scale.cut) / 6.0;
  if (prior) {
    options.prior_mean = prior->mean;
    options.prior_sd = prior->sd;
  }
  return options;
}

absl::StatusOr<ReadinessModel> ModelFor(const ScoringKey& exam, const ReadinessOptions& options) {
  ExamTarget target{.base_form = exam.standard.base_form,
                    .base_cut_raw = exam.standard.base_cut_raw,
                    .scale = {.min = exam.scale.min, .max = exam.scale.max, .cut = exam.scale.cut}};
  return ReadinessModel::Create(std::move(target), options);
}

absl::StatusOr<LearnerReadiness> EstimateReadiness(const History& history,
                                                   const ReadinessModel& model,
                                                   std::optional<Time> exam_at) {
  auto readiness = model.Estimate(history.sessions, exam_at);
  if (!readiness.ok()) return readiness.status();
  LearnerReadiness result{.readiness = *std::move(readiness), .sessions = {}, .trend = {}};
  for (size_t i = 0; i < history.sittings.size(); ++i) {
    const SessionJudgement& judged = result.readiness.sessions[i];
    result.sessions.push_back({.session_id = history.sittings[i]->record.session_id,
                               .end = judged.ended_at,
                               .exclusion = NameOf(judged.exclusion),
                               .explanation = Explain(judged.exclusion),
                               .scaled = judged.scaled,
                               .in_band = judged.in_band});
  }
  for (const Sitting* held : history.held) {
    result.sessions.push_back(
        {.session_id = held->record.session_id,
         .end = held->record.end,
         .exclusion = "RESULT_HELD",
         .explanation = "Its result was held back when it was sealed, so nothing is told of it.",
         .scaled = std::nullopt});
  }
  std::stable_sort(result.sessions.begin(), result.sessions.end(),
                   [](const JudgedSession& a, const JudgedSession& b) { return a.end < b.end; });
  const ReportingScale& scale = model.target().scale;
  const auto trend =
      TrendOf(result.readiness.sessions, kSessionErrorShare * (scale.max - scale.min));
  if (!trend.ok()) return trend.status();
  result.trend = *trend;
  return result;
}

bool LowEvidence(const History& history, uint32_t least_sample_size) {
  for (const PracticeSession& session : history.sessions) {
    for (const PracticeResponse& response : session.responses) {
      if (response.sample_size < least_sample_size) return true;
    }
  }
  return false;
}

absl::StatusOr<LearnerPlan> MakePlan(const History& history, const ReadinessModel& model,
                                     int64_t minutes) {
  const std::vector<bool> with_tasks = DomainsWithTasks(history);
  std::vector<StudyDomain> blueprint;
  for (size_t d = 0; d < with_tasks.size(); ++d) {
    const DomainDefinition& domain = history.exam->domains[d];
    StudyDomain study{.topic = {.id = domain.domain_id, .weight = domain.weight_percent},
                      .tasks = {}};
    // An exam gives weights to domains only: its tasks count alike.
    if (with_tasks[d]) {
      for (const TaskDefinition& task : domain.tasks) {
        study.tasks.push_back({.id = task.task_id, .weight = 1});
      }
    }
    blueprint.push_back(std::move(study));
  }
  std::vector<PracticeResponse> responses;
  for (const PracticeSession& session : history.sessions) {
    responses.insert(responses.end(), session.responses.begin(), session.responses.end());
  }
  const ReadinessOptions& options = model.options();
  auto gaps = GapsOf(responses, std::move(blueprint), model.AbilityOfScaled(options.band));
  if (!gaps.ok()) return gaps.status();
  auto plan = PlanStudy(*gaps, {.minutes = minutes});
  if (!plan.ok()) return plan.status();
  LearnerPlan result{.gaps = *std::move(gaps),
                     .plan = *std::move(plan),
                     .drag = {},
                     .low_evidence = LowEvidence(history, options.least_sample_size)};
  const bool counts = std::any_of(
      history.sessions.begin(), history.sessions.end(),
      [&](const auto& session) { return ExclusionOf(session, options.rules) == Exclusion::kNone; });
  if (!counts) return result;
  auto drag = FindDrag(history.sessions, WeightsOf(*history.exam), {}, options.rules);
  if (!drag.ok()) return drag.status();
  result.drag = *std::move(drag);
  return result;
}

absl::StatusOr<std::vector<WhatIf>> MakeWhatIf(const History& history, const ReadinessModel& model,
                                               const Readiness& readiness, double points) {
  // The exam's own counts, by weight, as many in all as its base form has.
  const size_t total = history.exam->standard.base_form.size();
  const std::vector<double> weights = WeightsOf(*history.exam);
  double sum = 0;
  for (const double weight : weights) sum += weight;
  std::vector<size_t> items;
  double before = 0;
  for (const double weight : weights) {
    const double after = before + weight / sum * static_cast<double>(total);
    items.push_back(static_cast<size_t>(std::lround(after) - std::lround(before)));
    before = after;
  }
  return WhatIfRaised(model, readiness, items, points);
}

absl::StatusOr<DiagnosticResult> DiagnoseSitting(const Sitting& sitting,
                                                 const std::optional<PriorRecord>& prior) {
  const History history = HistoryOf(std::span(&sitting, 1), sitting.record.exam_id);
  std::vector<std::string> names;
  for (const DomainDefinition& domain : sitting.key->domains) names.push_back(domain.name);
  DiagnosticOptions options;
  if (prior) {
    options.prior_mean = prior->mean;
    options.prior_sd = prior->sd;
  }
  const std::vector<PracticeResponse> none;
  return Diagnose(history.sessions.empty() ? none : history.sessions[0].responses,
                  sitting.key->standard.base_form, names, options);
}

}  // namespace invigil::scoring
