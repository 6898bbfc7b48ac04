#include "services/scoring/learner/learner_desk.h"

#include <cmath>
#include <utility>

#include "common/error/error.h"
#include "services/scoring/domain/rescoring.h"
#include "services/scoring/domain/signals/population.h"
#include "services/scoring/learner/estimates.h"
#include "services/scoring/learner/learner_convert.h"
#include "services/scoring/learner/miss_notes.h"

namespace invigil::scoring {
namespace {

constexpr size_t kLongestId = 64, kLongestLearner = 256, kMostAssigned = 1000;
constexpr uint32_t kUsualMinutes = 600, kMostMinutes = 100'000;
constexpr double kUsualPoints = 10;
constexpr int64_t kLastYear = 9999;
// For forms scored before keys were kept here.
constexpr Duration kPatience = Seconds(2);

absl::Status Wrong(const char* field, const char* what) {
  return InvalidArgument("LEARNER_REQUEST_INVALID", "the request can't be answered; see the fields")
      .Field(field, what);
}

absl::Status CheckId(const std::string& id, const char* field) {
  return !id.empty() && id.size() <= kLongestId ? absl::OkStatus()
                                                : Wrong(field, "1 to 64 characters");
}

absl::Status NotYou() {
  return PermissionDenied(
             "LEARNER_NOT_YOU",
             "these are another learner's signals; a candidate asks for own ones, with "
             "a token that is not bound to another session")
      .Build();
}

}  // namespace

absl::StatusOr<std::vector<Sitting>> LearnerDesk::LoadSittings(std::vector<SittingRecord> records) {
  std::vector<Sitting> sittings;
  for (SittingRecord& record : records) {
    const auto score = parts_.scores.GetScore(record.session_id, 0);
    if (!score.ok()) return score.status();
    const auto bank_key = parts_.ring.BankKey(score->form_id, "", kPatience);
    if (!bank_key.ok()) return bank_key.status();
    const auto revisions = parts_.ring.RevisionsOf(score->exam_id);
    if (!revisions.ok()) return revisions.status();
    auto key = KeyUnder(**bank_key, (*revisions)->revisions);
    if (!key.ok()) return key.status();
    auto responses = ParseResponses(score->responses);
    if (!responses.ok()) return responses.status();
    Sitting sitting{.record = std::move(record),
                    .key = std::make_shared<const ScoringKey>(*std::move(key)),
                    .responses = *std::move(responses)};
    sitting.form_error = FormError(*sitting.key);
    sittings.push_back(std::move(sitting));
  }
  return sittings;
}

absl::StatusOr<LearnerDesk::Learner> LearnerDesk::Load(const std::string& digest,
                                                       const std::string& exam_id) {
  auto records = parts_.sittings.ListSittings(digest);
  if (!records.ok()) return records.status();
  auto sittings = LoadSittings(*std::move(records));
  if (!sittings.ok()) return sittings.status();
  Learner learner{.sittings = *std::move(sittings), .history = {}, .prior = {}};
  learner.history = HistoryOf(learner.sittings, exam_id);
  if (!learner.history.exam) {
    return NotFound("NO_SESSIONS", "there is no scored session of this learner at this exam")
        .With("exam_id", exam_id);
  }
  auto prior = parts_.sittings.FindPrior(exam_id);
  if (!prior.ok()) return prior.status();
  learner.prior = *prior;
  return learner;
}

absl::StatusOr<LearnerDesk::Learner> LearnerDesk::LoadFor(const Asker& asker,
                                                          const std::string& learner_id,
                                                          const std::string& exam_id) {
  INVIGIL_RETURN_IF_ERROR(CheckId(exam_id, "exam_id"));
  if (learner_id.size() > kLongestLearner) return Wrong("learner_id", "at most 256 characters");
  const std::string& learner = learner_id.empty() ? asker.subject : learner_id;
  if (!asker.staff && (learner != asker.subject || !asker.session_id.empty())) return NotYou();
  return Load(LearnerDigest(learner), exam_id);
}

absl::StatusOr<Sitting> LearnerDesk::LoadSession(const Asker& asker,
                                                 const std::string& session_id) {
  INVIGIL_RETURN_IF_ERROR(CheckId(session_id, "session_id"));
  auto record = parts_.sittings.FindSitting(session_id);
  if (!record.ok()) return record.status();
  // Whoever has a token for the session may see it, whatever the account is called by now.
  const bool bound = !asker.session_id.empty();
  const bool own = bound
                       ? asker.session_id == session_id
                       : record->has_value() && (*record)->learner == LearnerDigest(asker.subject);
  if (!asker.staff && !own && (bound || record->has_value())) return NotYou();
  if (!record->has_value()) {
    return NotFound("SCORE_NOT_FOUND", "nothing is known of this session (yet)")
        .With("session_id", session_id);
  }
  std::vector<SittingRecord> one;
  one.push_back(**std::move(record));
  auto sittings = LoadSittings(std::move(one));
  if (!sittings.ok()) return sittings.status();
  return std::move(sittings->front());
}

absl::StatusOr<v1::GetReadinessResponse> LearnerDesk::GetReadiness(
    const Asker& asker, const v1::GetReadinessRequest& request) {
  std::optional<Time> exam_at;
  if (request.has_exam_time()) {
    const int64_t seconds = request.exam_time().seconds();
    if (seconds < 0 || seconds > kLastYear * 366 * 86'400) return Wrong("exam_time", "a time");
    exam_at = FromUnixMicros(seconds * 1'000'000);
  }
  const auto learner = LoadFor(asker, request.learner_id(), request.exam_id());
  if (!learner.ok()) return learner.status();
  const ScoringKey& exam = *learner->history.exam;
  const auto model = ModelFor(exam, OptionsFor(exam, learner->prior));
  if (!model.ok()) return model.status();
  const auto readiness = EstimateReadiness(learner->history, *model, exam_at);
  if (!readiness.ok()) return readiness.status();
  v1::GetReadinessResponse response;
  FillReadiness(*readiness, exam, *model, response.mutable_readiness());
  FillBasis(exam, model->options(), learner->prior, readiness->readiness.low_evidence,
            response.mutable_readiness()->mutable_basis());
  return response;
}

absl::StatusOr<v1::GetStudyPlanResponse> LearnerDesk::GetStudyPlan(
    const Asker& asker, const v1::GetStudyPlanRequest& request) {
  if (request.minutes() > kMostMinutes) return Wrong("minutes", "1 to 100000");
  const uint32_t minutes = request.minutes() == 0 ? kUsualMinutes : request.minutes();
  const auto learner = LoadFor(asker, request.learner_id(), request.exam_id());
  if (!learner.ok()) return learner.status();
  const ScoringKey& exam = *learner->history.exam;
  const auto model = ModelFor(exam, OptionsFor(exam, learner->prior));
  if (!model.ok()) return model.status();
  const auto plan = MakePlan(learner->history, *model, minutes);
  if (!plan.ok()) return plan.status();
  v1::GetStudyPlanResponse response;
  v1::StudyPlan& out = *response.mutable_plan();
  out.set_exam_id(exam.exam_id);
  out.set_minutes(minutes);
  out.set_target_score(model->options().band);
  FillPlan(*plan, exam, &out);
  FillBasis(exam, model->options(), learner->prior, plan->low_evidence, out.mutable_basis());
  return response;
}

absl::StatusOr<v1::GetWhatIfResponse> LearnerDesk::GetWhatIf(const Asker& asker,
                                                             const v1::GetWhatIfRequest& request) {
  if (!std::isfinite(request.points()) || std::abs(request.points()) > 100) {
    return Wrong("points", "-100 to 100");
  }
  const double points = request.points() == 0 ? kUsualPoints : request.points();
  const auto learner = LoadFor(asker, request.learner_id(), request.exam_id());
  if (!learner.ok()) return learner.status();
  const ScoringKey& exam = *learner->history.exam;
  const auto model = ModelFor(exam, OptionsFor(exam, learner->prior));
  if (!model.ok()) return model.status();
  const auto readiness = model->Estimate(learner->history.sessions);
  if (!readiness.ok()) return readiness.status();
  const auto changes = MakeWhatIf(learner->history, *model, *readiness, points);
  if (!changes.ok()) return changes.status();
  v1::GetWhatIfResponse response;
  response.set_points(points);
  for (const WhatIf& change : *changes) {
    v1::DomainWhatIf* out = response.add_domains();
    out->set_domain_id(exam.domains[change.domain].domain_id);
    out->set_name(exam.domains[change.domain].name);
    out->set_raw_change(change.raw_change);
    out->set_scaled_change(change.scaled_change);
    out->set_probability_change(change.probability_change);
  }
  FillBasis(exam, model->options(), learner->prior, readiness->low_evidence,
            response.mutable_basis());
  return response;
}

absl::StatusOr<v1::GetMissesResponse> LearnerDesk::GetMisses(const Asker& asker,
                                                             const v1::GetMissesRequest& request) {
  const auto sitting = LoadSession(asker, request.session_id());
  if (!sitting.ok()) return sitting.status();
  const bool secret = sitting->record.held || sitting->record.kind == SittingKind::kExam ||
                      sitting->record.kind == SittingKind::kUnknown;
  const KeyExposure exposure = secret ? KeyExposure::kNothing : parts_.exposure;
  const auto notes = NotesOf(*sitting, exposure);
  if (!notes.ok()) return notes.status();
  v1::GetMissesResponse response;
  FillMisses(*notes, exposure, &response);
  return response;
}

absl::StatusOr<v1::GetDiagnosticResponse> LearnerDesk::GetDiagnostic(
    const Asker& asker, const v1::GetDiagnosticRequest& request) {
  const auto sitting = LoadSession(asker, request.session_id());
  if (!sitting.ok()) return sitting.status();
  if (sitting->record.kind != SittingKind::kDiagnostic) {
    return FailedPrecondition("NOT_DIAGNOSTIC",
                              "the session is no diagnostic; ask for its score report");
  }
  if (sitting->record.held) {
    return FailedPrecondition("RESULT_HELD", "the result is held back by the staff");
  }
  auto prior = parts_.sittings.FindPrior(sitting->record.exam_id);
  if (!prior.ok()) return prior.status();
  const auto result = DiagnoseSitting(*sitting, *prior);
  if (!result.ok()) return result.status();
  const DiagnosticOptions defaults;
  v1::GetDiagnosticResponse response;
  v1::Diagnostic& out = *response.mutable_diagnostic();
  out.set_session_id(request.session_id());
  FillDiagnostic(*result, *sitting->key, defaults.interval, &out);
  ReadinessOptions options;
  options.prior_mean = *prior ? (*prior)->mean : defaults.prior_mean;
  options.prior_sd = *prior ? (*prior)->sd : defaults.prior_sd;
  const History history = HistoryOf(std::span(&*sitting, 1), sitting->record.exam_id);
  FillBasis(*sitting->key, options, *prior, LowEvidence(history, options.least_sample_size),
            out.mutable_basis());
  return response;
}

absl::StatusOr<v1::RefitPriorResponse> LearnerDesk::RefitPrior(
    const v1::RefitPriorRequest& request) {
  INVIGIL_RETURN_IF_ERROR(CheckId(request.exam_id(), "exam_id"));
  const auto learners = parts_.sittings.ListLearners(request.exam_id(), "", kMostFitted);
  if (!learners.ok()) return learners.status();
  // Every posterior with the same prior, the default one, whatever was fitted before.
  const ReadinessOptions defaults;
  std::vector<std::vector<double>> posteriors;
  for (const std::string& digest : *learners) {
    const auto learner = Load(digest, request.exam_id());
    if (!learner.ok()) return learner.status();
    const ScoringKey& exam = *learner->history.exam;
    const auto model = ModelFor(exam, OptionsFor(exam, std::nullopt));
    if (!model.ok()) return model.status();
    auto readiness = model->Estimate(learner->history.sessions);
    if (!readiness.ok()) return readiness.status();
    if (readiness->sessions_used > 0) posteriors.push_back(std::move(readiness->posterior));
  }
  const auto fitted = FitPopulation(posteriors, defaults.prior_mean, defaults.prior_sd);
  if (absl::IsInvalidArgument(fitted.status()) &&
      ReasonOf(fitted.status()) == "POPULATION_TOO_SMALL") {
    return FailedPrecondition("POPULATION_TOO_SMALL",
                              "fewer than 30 learners have sessions that count at this exam; until "
                              "then the default prior holds")
        .With("learners", std::to_string(posteriors.size()));
  }
  if (!fitted.ok()) return fitted.status();
  const PriorRecord prior{.mean = fitted->mean,
                          .sd = fitted->sd,
                          .learners = static_cast<uint32_t>(posteriors.size()),
                          .fit_time = parts_.clock.Now()};
  INVIGIL_RETURN_IF_ERROR(parts_.sittings.PutPrior(request.exam_id(), prior));
  v1::RefitPriorResponse response;
  response.set_mean(prior.mean);
  response.set_sd(prior.sd);
  response.set_learners(prior.learners);
  SetTime(prior.fit_time, response.mutable_fit_time());
  return response;
}

absl::StatusOr<v1::AssignSessionsResponse> LearnerDesk::AssignSessions(
    const v1::AssignSessionsRequest& request) {
  if (request.session_ids().empty() ||
      static_cast<size_t>(request.session_ids_size()) > kMostAssigned) {
    return Wrong("session_ids", "1 to 1000");
  }
  if (request.learner_id().empty() || request.learner_id().size() > kLongestLearner) {
    return Wrong("learner_id", "1 to 256 characters");
  }
  INVIGIL_RETURN_IF_ERROR(
      parts_.sittings.AssignSittings({request.session_ids().begin(), request.session_ids().end()},
                                     LearnerDigest(request.learner_id())));
  return v1::AssignSessionsResponse();
}

}  // namespace invigil::scoring
