#include "services/session/domain/decide.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/refusals.h"
#include "services/session/domain/responses.h"
#include "services/session/domain/text.h"

namespace invigil::session {
namespace {

// Answers one command against a session that is not overdue. Each handler returns the refusal and
// adds what happens to `decision`.
class Judge {
 public:
  Judge(const State& state, Decision& decision) : state_(state), decision_(decision) {}

  absl::Status operator()(const Read&) const { return absl::OkStatus(); }

  absl::Status operator()(const SaveResponses& save) const {
    if (state_.state != SessionState::kActive) return NotWritableRefusal(state_);
    INVIGIL_RETURN_IF_ERROR(CheckEpoch(state_, save.epoch));
    ResponsesStored stored;
    INVIGIL_RETURN_IF_ERROR(JudgeWrites(state_, save, decision_.acks, stored));
    if (!stored.responses.empty()) Happen(std::move(stored));
    return absl::OkStatus();
  }

  absl::Status operator()(const Submit& submit) const {
    if (state_.sealed()) return CheckEpoch(state_, submit.epoch);
    if (state_.state != SessionState::kActive) return NotWritableRefusal(state_);
    INVIGIL_RETURN_IF_ERROR(CheckEpoch(state_, submit.epoch));
    INVIGIL_RETURN_IF_ERROR(JudgeSeen(state_, submit.seen));
    Happen(Sealed{SessionState::kSubmitted, decision_.at});
    return absl::OkStatus();
  }

  absl::Status operator()(const Expire&) const {
    if (!state_.live()) return absl::OkStatus();
    Error refusal = FailedPrecondition("DEADLINE_NOT_REACHED", "the session's time is not up");
    if (const auto deadline = Deadline(state_)) {
      refusal.With("deadline_us", std::to_string(ToUnixMicros(*deadline)));
    }
    return refusal;
  }

  absl::Status operator()(const Reserve& reserve) const {
    if (state_.exists()) {
      if (*state_.identity == reserve.identity) return absl::OkStatus();
      return AlreadyExists("SESSION_EXISTS", "the session id belongs to another start");
    }
    INVIGIL_RETURN_IF_ERROR(CheckIdentity(reserve.identity));
    Happen(Reserved{reserve.identity});
    return absl::OkStatus();
  }

  absl::Status operator()(const Start& start) const {
    if (state_.state == SessionState::kVoided) return NotWritableRefusal(state_);
    if (state_.started_at) return absl::OkStatus();  // the clock starts once
    const Form* form = state_.form ? state_.form.get() : start.form.get();
    if (!form) return InvalidArgument("FORM_INVALID", "a form is needed to start");
    if (form->duration() + state_.granted <= Duration(0)) {
      return InvalidArgument("FORM_INVALID", "the grants leave no time to answer");
    }
    if (!state_.form) Happen(FormAttached{start.form});
    Happen(Started{});
    return absl::OkStatus();
  }

  absl::Status operator()(const TakeOver&) const {
    if (!state_.live()) return NotWritableRefusal(state_);
    Happen(TakenOver{state_.epoch + 1});
    return absl::OkStatus();
  }

  absl::Status operator()(const GrantTime& command) const {
    const Grant& grant = command.grant;
    for (const Grant& given : state_.grants) {
      if (given.id != grant.id) continue;
      if (given.amount == grant.amount) return absl::OkStatus();
      return AlreadyExists("GRANT_CONFLICT", "this grant id gave another amount; use a new one");
    }
    if (!state_.live()) return NotWritableRefusal(state_);
    INVIGIL_RETURN_IF_ERROR(CheckGrant(command));
    Happen(TimeGranted{grant, command.actor, command.reason});
    return absl::OkStatus();
  }

  absl::Status operator()(const RecordScore& score) const {
    if (state_.state == SessionState::kVoided) return VoidedRefusal();
    if (!state_.sealed()) {
      return FailedPrecondition("SESSION_NOT_SEALED", "a session is scored after it is sealed");
    }
    if (score.score_version == 0 || !score.report || score.report->empty()) {
      return InvalidArgument("SCORE_INVALID", "a score has a version from 1 and a report");
    }
    if (score.score_version == state_.score_version && *score.report != *state_.report) {
      return AlreadyExists("SCORE_CONFLICT",
                           "this score version has another report; a rescore "
                           "takes the next version");
    }
    if (score.score_version > state_.score_version) {
      Happen(Scored{score.score_version, score.report});
    }
    if (score.release && state_.state != SessionState::kReleased) Happen(Released{});
    return absl::OkStatus();
  }

  absl::Status operator()(const Release&) const {
    if (state_.state == SessionState::kReleased) return absl::OkStatus();
    if (state_.state == SessionState::kVoided) return VoidedRefusal();
    if (state_.state != SessionState::kScored) {
      return FailedPrecondition("SESSION_NOT_SCORED", "there is no result to release yet");
    }
    Happen(Released{});
    return absl::OkStatus();
  }

  absl::Status operator()(const Void& command) const {
    if (state_.state == SessionState::kVoided) return absl::OkStatus();
    if (command.if_not_started && state_.started_at) return absl::OkStatus();
    if (!IsText(command.reason, 1024)) {
      return InvalidArgument("VOID_INVALID", "say why the session does not count")
          .Field("reason", "must have 1 to 1024 characters");
    }
    Happen(Voided{command.reason});
    return absl::OkStatus();
  }

 private:
  template <typename E>
  void Happen(E&& event) const {
    decision_.events.emplace_back(std::forward<E>(event));
  }

  static absl::Status CheckIdentity(const Identity& identity) {
    Error error = InvalidArgument("START_INVALID", "no session was started; see the fields");
    bool valid = true;
    const auto check = [&](const std::string& value, size_t max, const char* field) {
      if (IsText(value, max)) return;
      error.Field(field, "must have 1 to " + std::to_string(max) + " characters");
      valid = false;
    };
    check(identity.candidate_id, 256, "candidate_id");
    check(identity.exam_id, 64, "exam_id");
    check(identity.request_id, 64, "request_id");
    return valid ? absl::OkStatus() : error.Build();
  }

  absl::Status CheckGrant(const GrantTime& command) const {
    const Grant& grant = command.grant;
    Error error = InvalidArgument("GRANT_INVALID", "the time was not granted; see the fields");
    bool valid = true;
    const auto fault = [&](const char* field, const char* description) {
      error.Field(field, description);
      valid = false;
    };
    if (!IsText(grant.id, 64)) fault("grant_id", "must have 1 to 64 characters");
    if (!IsText(command.actor, 256)) fault("actor", "must have 1 to 256 characters");
    if (!IsText(command.reason, 1024)) fault("reason", "must have 1 to 1024 characters");
    if (state_.grants.size() >= kMaxGrants) fault("grant_id", "the session has 100 grants already");
    const Duration total = state_.granted + std::clamp(grant.amount, -kMaxGrant, kMaxGrant);
    if (grant.amount == Duration(0) || grant.amount > kMaxGrant || grant.amount < -kMaxGrant) {
      fault("amount", "must not be 0 and at most 24 hours either way");
    } else if (total > kMaxGranted || total < -kMaxGranted) {
      fault("amount", "all grants together may be 48 hours at most");
    } else if (grant.amount < Duration(0) && !state_.started_at) {
      fault("amount", "may be negative only while the clock runs");
    } else if (const auto deadline = Deadline(state_);
               deadline && *deadline + grant.amount <= decision_.at) {
      fault("amount", "would end the session in the past");
    }
    return valid ? absl::OkStatus() : error.Build();
  }

  const State& state_;
  Decision& decision_;
};

absl::Status Answer(const State& state, const Command& command, Decision& decision) {
  if (state.exists() && !command.candidate_id.empty() &&
      command.candidate_id != state.identity->candidate_id) {
    return NotYoursRefusal();
  }
  if (!state.exists() && !std::holds_alternative<Reserve>(command.action)) return NotFoundRefusal();
  return std::visit(Judge(state, decision), command.action);
}

}  // namespace

Decision Decide(const State& state, const Command& command, Time now) {
  Decision decision;
  decision.at = std::max(now, state.last_event_at);
  if (!Overdue(state, decision.at)) {
    decision.status = Answer(state, command, decision);
    return decision;
  }
  decision.events.emplace_back(Sealed{SessionState::kExpired, *Deadline(state)});
  State sealed = state;
  decision.status = Apply(sealed, decision.events.back(), decision.at);
  if (decision.status.ok()) decision.status = Answer(sealed, command, decision);
  return decision;
}

}  // namespace invigil::session
