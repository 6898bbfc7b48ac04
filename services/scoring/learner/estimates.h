// The signals of one learner at one exam, from the history: readiness with its reasons, the study
// plan, what raising a domain would change. Pure; the methods are in domain/signals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/signals/diagnostic.h"
#include "services/scoring/domain/signals/domain_drag.h"
#include "services/scoring/domain/signals/readiness.h"
#include "services/scoring/domain/signals/study_plan.h"
#include "services/scoring/domain/signals/what_if.h"
#include "services/scoring/learner/history.h"

namespace invigil::scoring {

// The options for an exam: the band a sixth of the way from the cut to the top, which is 750 on a
// scale to 1000 with the cut at 700, and the population's prior where there is one.
ReadinessOptions OptionsFor(const ScoringKey& exam, const std::optional<PriorRecord>& prior);

// Errors: those of ReadinessModel::Create.
absl::StatusOr<ReadinessModel> ModelFor(const ScoringKey& exam, const ReadinessOptions& options);

// One session, counted or not. Held ones are among them, without a score.
struct JudgedSession {
  std::string session_id;
  Time end{};
  std::string exclusion;    // NameOf(Exclusion), RESULT_HELD, or empty: it counts
  std::string explanation;  // in a sentence
  std::optional<double> scaled;
  bool in_band = false;
};

struct LearnerReadiness {
  Readiness readiness;
  std::vector<JudgedSession> sessions;  // oldest first
  std::optional<Trend> trend;
};

// Errors: those of ReadinessModel::Estimate.
absl::StatusOr<LearnerReadiness> EstimateReadiness(const History& history,
                                                   const ReadinessModel& model,
                                                   std::optional<Time> exam_at);

struct LearnerPlan {
  std::vector<StudyDomain> gaps;
  std::vector<PlannedDomain> plan;
  std::vector<DomainDrag> drag;  // empty: no session counts
  bool low_evidence = false;
};
// The target is the ability of the band. Errors: those of GapsOf, PlanStudy and FindDrag.
absl::StatusOr<LearnerPlan> MakePlan(const History& history, const ReadinessModel& model,
                                     int64_t minutes);

// Errors: those of WhatIfRaised.
absl::StatusOr<std::vector<WhatIf>> MakeWhatIf(const History& history, const ReadinessModel& model,
                                               const Readiness& readiness, double points);

// Of the one sitting, whatever was seen before. Errors: those of Diagnose.
absl::StatusOr<DiagnosticResult> DiagnoseSitting(const Sitting& sitting,
                                                 const std::optional<PriorRecord>& prior);

// Whether an item behind the history rests on few responses.
bool LowEvidence(const History& history, uint32_t least_sample_size);

}  // namespace invigil::scoring
