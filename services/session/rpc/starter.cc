#include "services/session/rpc/starter.h"

#include "common/error/error.h"
#include "services/session/registration/domain/accommodate.h"

namespace invigil::session {
namespace {

// Whether waiting changes nothing about a refusal: what was reserved goes, so that it stands in
// nobody's way. Any other refusal passes by itself, or when an operator moves a date; what was
// reserved stays for that day, with its check-in and its grants.
bool IsForGood(const absl::Status& refusal) {
  const std::string reason = ReasonOf(refusal);
  return reason == "NOT_REGISTERED" || reason == "ATTEMPTS_USED_UP";
}

// What the end of the registration's window cuts is for the exam's policy to say, or, where it
// leaves that to the exam, for the exam's definition.
std::optional<Time> WindowEnd(const registration::Admission& admission, bool form_limits_end) {
  using enum registration::WindowPolicy;
  const bool cuts = admission.window_policy == kLimitsEnd ||
                    (admission.window_policy == kAsExam && form_limits_end);
  return cuts ? admission.closes : std::nullopt;
}

}  // namespace

struct Starter::Steps {
  StartRequest request;
  Duration end{0};  // on the monotonic clock
  telemetry::TraceContext trace;
  std::function<void(absl::StatusOr<Outcome>)> done;
  registration::Admission admission{};
};

void Starter::Start(StartRequest request, Duration time_left, const telemetry::TraceContext& trace,
                    std::function<void(absl::StatusOr<Outcome>)> done) {
  auto steps = std::make_shared<Steps>(
      Steps{std::move(request), clock_.Monotonic() + time_left, trace, std::move(done), {}});
  item_bank_.CheckExam(steps->request.exam_id, time_left, trace,
                       [this, steps](absl::Status status) {
                         // With the item bank away a live session is still found; a new one then
                         // waits for its form.
                         if (status.ok() || ReasonOf(status) == "ITEM_BANK_UNAVAILABLE") {
                           Admit(steps);
                         } else {
                           FindInstead(steps, status, false);
                         }
                       });
}

void Starter::Admit(const std::shared_ptr<Steps>& steps) {
  if (!admissions_) return Reserve(steps);
  const StartRequest& request = steps->request;
  admissions_->Admit({request.candidate_id, request.exam_id, request.kind, steps->end},
                     [this, steps](absl::StatusOr<registration::Admission> admission) {
                       if (!admission.ok()) {
                         return FindInstead(steps, admission.status(),
                                            IsForGood(admission.status()));
                       }
                       steps->admission = *std::move(admission);
                       Reserve(steps);
                     });
}

void Starter::Reserve(const std::shared_ptr<Steps>& steps) {
  engine_.FindOrReserve(steps->request, [this, steps](absl::StatusOr<Outcome> outcome) {
    if (outcome.ok()) {
      Reserved(steps, *outcome);
    } else {
      steps->done(outcome.status());
    }
  });
}

void Starter::FindInstead(const std::shared_ptr<Steps>& steps, const absl::Status& refusal,
                          bool give_up) {
  StartRequest request = steps->request;
  request.only_find = true;
  engine_.FindOrReserve(std::move(request),
                        [this, steps, refusal, give_up](absl::StatusOr<Outcome> outcome) {
                          if (outcome.ok() && outcome->state->started_at) {
                            Reserved(steps, *outcome);
                          } else if (absl::IsUnavailable(outcome.status()) ||
                                     absl::IsResourceExhausted(outcome.status())) {
                            steps->done(outcome.status());  // who knows; ask again
                          } else {
                            if (give_up && outcome.ok())
                              GiveUp(outcome->session, ReasonOf(refusal));
                            steps->done(refusal);
                          }
                        });
}

void Starter::Reserved(const std::shared_ptr<Steps>& steps, const Outcome& outcome) {
  if (outcome.state->state == SessionState::kVoided && !outcome.state->started_at) {
    steps->done(FailedPrecondition("SESSION_VOIDED",
                                   "this start came to nothing, because the exam could not be "
                                   "given then; start again with a new request_id"));
    return;
  }
  if (outcome.state->state != SessionState::kReady) {
    engine_.Get(outcome.session, steps->request.candidate_id, true,
                [steps](absl::StatusOr<Outcome> got) { steps->done(std::move(got)); });
    return;
  }
  // The live session may be of another kind than was asked for; its own decides.
  const SessionKind kind = outcome.state->identity->kind;
  if (admissions_ && (steps->admission.confirm || kind != steps->request.kind)) {
    Confirm(steps, outcome);
  } else {
    IssueForm(steps, outcome);
  }
}

// Now that it is reserved no other session of this candidate and exam can begin: what was sat
// meanwhile is seen. This one may have begun by another start of it, as a second click is.
void Starter::Confirm(const std::shared_ptr<Steps>& steps, const Outcome& outcome) {
  const Identity& identity = *outcome.state->identity;
  admissions_->Confirm(
      outcome.session, {steps->request.candidate_id, identity.exam_id, identity.kind, steps->end},
      [this, steps, outcome](absl::StatusOr<registration::Admission> admission) {
        if (!admission.ok()) {
          return FindInstead(steps, admission.status(), IsForGood(admission.status()));
        }
        steps->admission = *std::move(admission);
        IssueForm(steps, outcome);
      });
}

void Starter::IssueForm(const std::shared_ptr<Steps>& steps, const Outcome& outcome) {
  item_bank_.IssueForm(outcome.session, outcome.state->identity->exam_id,
                       steps->request.candidate_id, steps->end - clock_.Monotonic(), steps->trace,
                       [this, steps, session = outcome.session](absl::StatusOr<IssuedForm> form) {
                         if (form.ok()) {
                           Begin(steps, session, *std::move(form));
                           return;
                         }
                         const std::string reason = ReasonOf(form.status());
                         if (reason == "EXAM_NOT_FOUND" || reason == "EXAM_UNAVAILABLE") {
                           GiveUp(session, reason);
                         }
                         steps->done(form.status());
                       });
}

void Starter::GiveUp(const SessionId& session, const std::string& reason) {
  engine_.Execute(session, {"", Void{.reason = reason, .if_not_started = true}},
                  [](absl::StatusOr<Outcome>) {});
}

void Starter::Begin(const std::shared_ptr<Steps>& steps, const SessionId& session,
                    IssuedForm form) {
  const registration::Admission& admission = steps->admission;
  std::shared_ptr<const Accommodation> accommodation;
  if (Accommodation given = registration::Accommodate(*form.form, admission.terms); !given.none()) {
    accommodation = std::make_shared<const Accommodation>(std::move(given));
  }
  const std::optional<Time> window_end = WindowEnd(admission, form.window_limits_end);
  engine_.StartClock(session, steps->request.candidate_id,
                     session::Start{std::move(form.form), std::move(accommodation), window_end},
                     std::move(form.contents),
                     [steps](absl::StatusOr<Outcome> outcome) { steps->done(std::move(outcome)); });
}

}  // namespace invigil::session
