#include "services/session/rpc/starter.h"

#include "common/error/error.h"

namespace invigil::session {

struct Starter::Steps {
  StartRequest request;
  Duration end{0};  // on the monotonic clock
  telemetry::TraceContext trace;
  std::function<void(absl::StatusOr<Outcome>)> done;
};

void Starter::Start(StartRequest request, Duration time_left, const telemetry::TraceContext& trace,
                    std::function<void(absl::StatusOr<Outcome>)> done) {
  auto steps = std::make_shared<Steps>(
      Steps{std::move(request), clock_.Monotonic() + time_left, trace, std::move(done)});
  item_bank_.CheckExam(steps->request.exam_id, time_left, trace,
                       [this, steps](absl::Status status) {
                         // With the item bank away a live session is still found; a new one then
                         // waits for its form.
                         if (status.ok() || ReasonOf(status) == "ITEM_BANK_UNAVAILABLE") {
                           Reserve(steps);
                         } else {
                           FindInstead(steps, status);
                         }
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

void Starter::FindInstead(const std::shared_ptr<Steps>& steps, const absl::Status& refusal) {
  StartRequest request = steps->request;
  request.only_find = true;
  engine_.FindOrReserve(std::move(request),
                        [this, steps, refusal](absl::StatusOr<Outcome> outcome) {
                          if (outcome.ok() && outcome->state->started_at) {
                            Reserved(steps, *outcome);
                          } else if (absl::IsUnavailable(outcome.status()) ||
                                     absl::IsResourceExhausted(outcome.status())) {
                            steps->done(outcome.status());  // who knows; ask again
                          } else {
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
  item_bank_.IssueForm(outcome.session, outcome.state->identity->exam_id,
                       steps->request.candidate_id, steps->end - clock_.Monotonic(), steps->trace,
                       [this, steps, session = outcome.session](absl::StatusOr<IssuedForm> form) {
                         if (form.ok()) {
                           Begin(steps, session, *std::move(form));
                           return;
                         }
                         const std::string reason = ReasonOf(form.status());
                         if (reason == "EXAM_NOT_FOUND" || reason == "EXAM_UNAVAILABLE") {
                           // This reservation can't begin; it must not stand in the way of the
                           // next. Unless another start of it was luckier meanwhile.
                           engine_.Execute(session,
                                           {"", Void{.reason = reason, .if_not_started = true}},
                                           [](absl::StatusOr<Outcome>) {});
                         }
                         steps->done(form.status());
                       });
}

void Starter::Begin(const std::shared_ptr<Steps>& steps, const SessionId& session,
                    IssuedForm form) {
  engine_.StartClock(session, steps->request.candidate_id,
                     session::Start{std::move(form.form), {}, {}}, std::move(form.contents),
                     [steps](absl::StatusOr<Outcome> outcome) { steps->done(std::move(outcome)); });
}

}  // namespace invigil::session
