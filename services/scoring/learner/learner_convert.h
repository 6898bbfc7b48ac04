// From signals to messages. No judgement.
#pragma once

#include <optional>

#include "common/base/time.h"
#include "invigil/scoring/v1/learner.pb.h"
#include "services/scoring/learner/estimates.h"
#include "services/scoring/learner/miss_notes.h"

namespace invigil::scoring {

void SetTime(Time from, google::protobuf::Timestamp* to);
void FillBasis(const ScoringKey& exam, const ReadinessOptions& options,
               const std::optional<PriorRecord>& prior, bool low_evidence, v1::EstimateBasis* out);
// All but the basis.
void FillReadiness(const LearnerReadiness& readiness, const ScoringKey& exam,
                   const ReadinessModel& model, v1::Readiness* out);
// The domains.
void FillPlan(const LearnerPlan& plan, const ScoringKey& exam, v1::StudyPlan* out);
void FillMisses(const MissNotes& notes, KeyExposure exposure, v1::GetMissesResponse* out);
// All but session and basis.
void FillDiagnostic(const DiagnosticResult& result, const ScoringKey& exam, double interval,
                    v1::Diagnostic* out);

}  // namespace invigil::scoring
