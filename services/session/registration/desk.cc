#include "services/session/registration/desk.h"

#include <algorithm>
#include <utility>

#include "common/error/error.h"
#include "services/session/registration/domain/accommodate.h"

namespace invigil::session::registration {
namespace {

Admission AdmissionOf(const Decision& decision) {
  Admission admission;
  admission.terms = decision.terms;
  admission.window_policy = decision.policy.window_policy;
  admission.confirm = decision.policy.registration_required || decision.policy.retake_rules() ||
                      decision.verdict.registration.has_value();
  if (decision.verdict.registration) admission.closes = decision.verdict.registration->closes;
  return admission;
}

// The rules ask for days only where there is a retake rule.
absl::Status LoadZone(const ExamPolicy& policy, absl::TimeZone* zone) {
  if (absl::LoadTimeZone(policy.time_zone, zone)) return absl::OkStatus();
  *zone = absl::UTCTimeZone();
  if (!policy.retake_rules()) return absl::OkStatus();
  return Unavailable("TIME_ZONE_UNKNOWN",
                     "this machine does not know the time zone " + policy.time_zone +
                         ", in which the days between two sittings are counted: install tzdata "
                         "here and restart invigil-session",
                     Seconds(30));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Desk>> Desk::Open(const Locations& locations) {
  auto store = Store::Open(locations.registrations, locations.registrations_schema);
  if (!store.ok()) return store.status();
  auto attempts = AttemptReader::Open(locations.sessions, locations.sessions_schema);
  if (!attempts.ok()) return attempts.status();
  return std::unique_ptr<Desk>(new Desk(*std::move(store), *std::move(attempts)));
}

absl::StatusOr<Terms> Desk::StandingTerms(const std::string& candidate_id, Time at) {
  const auto standing = store_->FindStanding(candidate_id);
  if (!standing.ok()) return standing.status();
  return *standing ? StandingAt(**standing, at) : Terms();
}

absl::StatusOr<uint32_t> Desk::Used(const Registration& registration,
                                    const std::vector<Attempt>& attempts,
                                    const SessionId* session) {
  const auto begun = store_->SessionsOf(registration.registration_id);
  if (!begun.ok()) return begun.status();
  uint32_t used = 0;
  for (const std::string& id : *begun) {
    if (session && id == session->bytes()) continue;
    const auto attempt = std::find_if(attempts.begin(), attempts.end(),
                                      [&](const Attempt& one) { return one.session_id == id; });
    // One that the sessions' store does not know any more was sat all the same.
    if (attempt == attempts.end() || attempt->counts()) ++used;
  }
  return used;
}

absl::StatusOr<Decision> Desk::Decide(const Ask& ask, Time at, const SessionId* session) {
  Decision decision;
  decision.zone = absl::UTCTimeZone();
  decision.policy.exam_id = ask.exam_id;
  auto standing = StandingTerms(ask.candidate_id, at);
  if (!standing.ok()) return standing.status();
  decision.terms = *standing;
  if (ask.kind != SessionKind::kExam) return decision;
  auto policy = store_->FindPolicy(ask.exam_id);
  if (!policy.ok()) return policy.status();
  if (*policy) decision.policy = **std::move(policy);
  INVIGIL_RETURN_IF_ERROR(LoadZone(decision.policy, &decision.zone));
  const auto registrations = store_->OfCandidate(ask.candidate_id, ask.exam_id);
  if (!registrations.ok()) return registrations.status();
  std::vector<Attempt> attempts;
  if (!registrations->empty() || decision.policy.retake_rules()) {
    auto read = attempts_->Of(ask.candidate_id, ask.exam_id, at);
    if (!read.ok()) return read.status();
    attempts = *std::move(read);
  }
  if (session) {
    std::erase_if(attempts, [&](const Attempt& one) { return one.session_id == session->bytes(); });
  }
  std::vector<Entitlement> entitlements;
  for (const Registration& one : *registrations) {
    const auto used = Used(one, attempts, session);
    if (!used.ok()) return used.status();
    entitlements.push_back({one, *used});
  }
  decision.verdict = Judge(decision.policy, decision.zone, entitlements, attempts, at);
  if (decision.verdict.registration) {
    decision.terms = Together(decision.terms, decision.verdict.registration->terms);
  }
  return decision;
}

absl::StatusOr<Admission> Desk::Admit(const Ask& ask, Time now) {
  const auto decision = Decide(ask, now);
  if (!decision.ok()) return decision.status();
  INVIGIL_RETURN_IF_ERROR(Refusal(decision->verdict, decision->zone));
  return AdmissionOf(*decision);
}

absl::StatusOr<Admission> Desk::Confirm(const SessionId& session, const Ask& ask, Time now) {
  const auto decision = Decide(ask, now, &session);
  if (!decision.ok()) return decision.status();
  INVIGIL_RETURN_IF_ERROR(Refusal(decision->verdict, decision->zone));
  if (decision->verdict.registration) {
    INVIGIL_RETURN_IF_ERROR(
        store_->Bind(session.bytes(), decision->verdict.registration->registration_id, now));
  }
  return AdmissionOf(*decision);
}

}  // namespace invigil::session::registration
