#include <algorithm>
#include <string>
#include <utility>

#include "common/error/error.h"
#include "services/session/domain/clock.h"
#include "services/session/domain/judge.h"
#include "services/session/domain/refusals.h"
#include "services/session/domain/responses.h"
#include "services/session/domain/text.h"

namespace invigil::session {
namespace {

// Gathers what is wrong with an act that the audit must be able to tell of.
class ActFaults {
 public:
  ActFaults(const char* reason, const char* message) : error_(InvalidArgument(reason, message)) {}
  ActFaults& Text(const std::string& value, size_t max, const char* field) {
    if (!IsText(value, max)) {
      Add(field, "must have 1 to " + std::to_string(max) + " characters");
    }
    return *this;
  }
  void Add(const char* field, std::string description) {
    error_.Field(field, std::move(description));
    valid_ = false;
  }
  absl::Status Status() const { return valid_ ? absl::OkStatus() : error_.Build(); }

 private:
  Error error_;
  bool valid_ = true;
};

absl::Status CheckAct(const std::string& actor, const std::string& reason) {
  return ActFaults("ACT_INVALID", "nothing was done; say who acts and why")
      .Text(actor, 256, "actor")
      .Text(reason, 1024, "reason")
      .Status();
}

// An act meant for the session as it was: a late repeat, or somebody else was first.
absl::Status CheckUnchanged(const State& state, uint32_t deadline_version) {
  if (deadline_version == 0 || deadline_version == state.deadline_version) return absl::OkStatus();
  return FailedPrecondition("SESSION_CHANGED",
                            "nothing was done: the session's clock was changed since; look at it "
                            "and decide again")
      .With("deadline_version", std::to_string(state.deadline_version));
}

template <typename List>
bool Has(const List& list, const std::string& id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

}  // namespace

absl::Status Judge::operator()(const Expire&) const {
  return state_.live() ? TimeLeftRefusal(state_) : absl::OkStatus();
}

absl::Status Judge::operator()(const CheckIn& check_in) const {
  if (state_.checked_in) return absl::OkStatus();
  if (state_.state != SessionState::kReady) return NotWritableRefusal(state_);
  ActFaults faults("ACT_INVALID", "nothing was done; see the fields");
  faults.Text(check_in.actor, 256, "actor");
  if (!check_in.note.empty()) faults.Text(check_in.note, 1024, "note");
  INVIGIL_RETURN_IF_ERROR(faults.Status());
  Happen(CheckedIn{check_in.actor, check_in.note});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const GrantTime& command) const {
  const Grant& grant = command.grant;
  for (const Grant& given : state_.grants) {
    if (given.id != grant.id) continue;
    if (given.amount == grant.amount) return absl::OkStatus();
    return AlreadyExists("GRANT_CONFLICT", "this grant id gave another amount; use a new one");
  }
  if (!state_.live()) return NotWritableRefusal(state_);
  if (state_.answers_ended_at) {
    return FailedPrecondition("SECTIONS_OVER",
                              "the last section was left; time can be granted by reopening the "
                              "session once it has ended");
  }
  INVIGIL_RETURN_IF_ERROR(CheckGrant(grant, command.actor, command.reason, false));
  Happen(TimeGranted{grant, command.actor, command.reason});
  return absl::OkStatus();
}

absl::Status Judge::CheckGrant(const Grant& grant, const std::string& actor,
                               const std::string& reason, bool zero_allowed) const {
  ActFaults faults("GRANT_INVALID", "the time was not granted; see the fields");
  faults.Text(grant.id, 64, "grant_id").Text(actor, 256, "actor").Text(reason, 1024, "reason");
  if (state_.grants.size() >= kMaxGrants) {
    faults.Add("grant_id", "the session has 100 grants already");
  }
  const Duration total = state_.granted + std::clamp(grant.amount, -kMaxGrant, kMaxGrant);
  const bool zero = grant.amount == Duration(0);
  if ((zero && !zero_allowed) || grant.amount > kMaxGrant || grant.amount < -kMaxGrant) {
    faults.Add("amount", "must not be 0 and at most 24 hours either way");
  } else if (total > kMaxGranted || total < -kMaxGranted) {
    faults.Add("amount", "all grants together may be 48 hours at most");
  } else if (grant.amount < Duration(0)) {
    const auto due = DueTime(state_);
    if (state_.state != SessionState::kActive || !state_.current_part().is_section() || !due) {
      faults.Add("amount", "may be negative only while the exam's clock runs");
    } else if (*due + grant.amount <= decision_.at) {
      faults.Add("amount", "would end the session in the past");
    }
  }
  return faults.Status();
}

absl::Status Judge::operator()(const Pause& pause) const {
  if (state_.state == SessionState::kPaused) return absl::OkStatus();
  if (!state_.sitting()) return NotWritableRefusal(state_);
  INVIGIL_RETURN_IF_ERROR(CheckAct(pause.actor, pause.reason));
  INVIGIL_RETURN_IF_ERROR(CheckUnchanged(state_, pause.deadline_version));
  Happen(Paused{pause.actor, pause.reason});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const Resume& resume) const {
  if (!state_.sitting()) return NotWritableRefusal(state_);
  if (state_.state != SessionState::kPaused) return absl::OkStatus();
  INVIGIL_RETURN_IF_ERROR(CheckAct(resume.actor, resume.reason));
  INVIGIL_RETURN_IF_ERROR(CheckUnchanged(state_, resume.deadline_version));
  const bool to_break =
      state_.break_kind != BreakKind::kNone || state_.current_part().kind == PartKind::kBreak;
  Happen(Resumed{to_break, resume.actor, resume.reason});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const Terminate& terminate) const {
  if (state_.sealed() && state_.sealed_as == SessionState::kTerminated) return absl::OkStatus();
  if (!state_.sitting()) return NotWritableRefusal(state_);
  INVIGIL_RETURN_IF_ERROR(CheckAct(terminate.actor, terminate.reason));
  INVIGIL_RETURN_IF_ERROR(CheckUnchanged(state_, terminate.deadline_version));
  Happen(Sealed{SessionState::kTerminated, state_.answers_ended_at.value_or(decision_.at),
                terminate.actor, terminate.reason});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const Reopen& reopen) const {
  const Grant& grant = reopen.grant;
  for (const Grant& given : state_.grants) {
    if (given.id != grant.id) continue;
    if (given.amount == grant.amount && given.reopened) return absl::OkStatus();
    return AlreadyExists("GRANT_CONFLICT", "this grant id gave other time before; use a new one");
  }
  if (state_.state == SessionState::kVoided) return VoidedRefusal();
  if (!state_.sealed()) {
    return FailedPrecondition("SESSION_NOT_SEALED",
                              "the session has not ended; grant time instead");
  }
  if (!state_.started_at) return NotWritableRefusal(state_);
  if (grant.amount < Duration(0)) {
    return InvalidArgument("GRANT_INVALID", "the session was not reopened; see the fields")
        .Field("amount", "must not be negative");
  }
  INVIGIL_RETURN_IF_ERROR(CheckGrant(grant, reopen.actor, reopen.reason, true));
  Reopened reopened{grant, reopen.actor, reopen.reason};
  // Whether that leaves anything to do is a question of the clock, so ask it.
  if (!LeavesTime(state_, reopened, decision_.at)) {
    return InvalidArgument("GRANT_INVALID", "the session was not reopened; see the fields")
        .Field("amount", "must be more: no time is left");
  }
  Happen(std::move(reopened));
  return absl::OkStatus();
}

absl::Status Judge::operator()(const RecoverResponses& recover) const {
  if (state_.extras && Has(state_.extras->recoveries, recover.id)) return absl::OkStatus();
  if (state_.state == SessionState::kVoided) return VoidedRefusal();
  if (!state_.sealed()) {
    return FailedPrecondition("SESSION_NOT_SEALED",
                              "responses are recovered into a session that has ended");
  }
  INVIGIL_RETURN_IF_ERROR(ActFaults("ACT_INVALID", "nothing was added; see the fields")
                              .Text(recover.id, 64, "recovery_id")
                              .Text(recover.actor, 256, "actor")
                              .Text(recover.reason, 1024, "reason")
                              .Status());
  ResponsesRecovered recovered{recover.id, recover.actor, recover.reason, {}};
  INVIGIL_RETURN_IF_ERROR(JudgeRecovered(state_, recover.responses, recovered.responses));
  Happen(std::move(recovered));
  return absl::OkStatus();
}

absl::Status Judge::operator()(const SendMessage& send) const {
  const size_t count = state_.extras ? state_.extras->messages.size() : 0;
  for (size_t i = 0; i < count; ++i) {
    const Message& sent = state_.extras->messages[i];
    if (sent.id != send.id) continue;
    if (sent.text == send.text && sent.from_candidate == send.from_candidate) {
      return absl::OkStatus();
    }
    return AlreadyExists("MESSAGE_CONFLICT", "this message id has another text; use a new one");
  }
  if (!state_.live()) return NotWritableRefusal(state_);
  ActFaults faults("MESSAGE_INVALID", "nothing was sent; see the fields");
  faults.Text(send.id, 64, "message_id")
      .Text(send.actor, 256, "actor")
      .Text(send.text, 2000, "text");
  if (count >= kMaxMessages) faults.Add("message_id", "the session has 200 messages already");
  INVIGIL_RETURN_IF_ERROR(faults.Status());
  Happen(MessageSent{send.id, send.actor, send.text, send.from_candidate});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const ConfirmMessage& confirm) const {
  if (state_.extras) {
    for (const Message& sent : state_.extras->messages) {
      // One confirms what the other side sent.
      if (sent.id != confirm.id || sent.from_candidate == confirm.by_candidate) continue;
      if (sent.confirmed || !state_.live()) return absl::OkStatus();
      Happen(MessageConfirmed{confirm.id, confirm.actor});
      return absl::OkStatus();
    }
  }
  return NotFound("MESSAGE_NOT_FOUND", "the session has no such message for you");
}

absl::Status Judge::operator()(const ReportIrregularity& report) const {
  if (state_.extras && Has(state_.extras->irregularities, report.id)) return absl::OkStatus();
  if (state_.state == SessionState::kVoided) return VoidedRefusal();
  ActFaults faults("REPORT_INVALID", "nothing was reported; see the fields");
  faults.Text(report.id, 64, "report_id")
      .Text(report.category, 64, "category")
      .Text(report.text, 4000, "text")
      .Text(report.actor, 256, "actor");
  if (state_.extras && state_.extras->irregularities.size() >= kMaxMessages) {
    faults.Add("report_id", "the session has 200 reports already");
  }
  INVIGIL_RETURN_IF_ERROR(faults.Status());
  Happen(IrregularityReported{report.id, report.category, report.text, report.actor});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const RecordScore& score) const {
  if (state_.state == SessionState::kVoided) return VoidedRefusal();
  if (!state_.sealed()) {
    return FailedPrecondition("SESSION_NOT_SEALED", "a session is scored after it is sealed");
  }
  if (score.attempt_version != 0 && score.attempt_version != state_.attempt_version) {
    return FailedPrecondition("SCORE_SUPERSEDED", "the session was sealed again since");
  }
  if (score.score_version == 0 || !score.report || score.report->empty()) {
    return InvalidArgument("SCORE_INVALID", "a score has a version from 1 and a report");
  }
  if (score.score_version == state_.score_version && *score.report != *state_.report) {
    return AlreadyExists("SCORE_CONFLICT",
                         "this score version has another report; a rescore takes the next version");
  }
  if (score.score_version > state_.score_version) {
    Happen(Scored{score.score_version, score.report});
  }
  if (score.release && !state_.held && state_.state != SessionState::kReleased) {
    Happen(Released{});
  }
  return absl::OkStatus();
}

absl::Status Judge::operator()(const HoldScore& hold) const {
  if (state_.state == SessionState::kVoided) return VoidedRefusal();
  if (state_.state == SessionState::kReleased) {
    return FailedPrecondition("SCORE_RELEASED",
                              "the candidate may have seen the result; declare the session void, "
                              "or reopen it, if it can't stand");
  }
  if (state_.held) return absl::OkStatus();
  INVIGIL_RETURN_IF_ERROR(CheckAct(hold.actor, hold.reason));
  Happen(HoldChanged{true, hold.actor, hold.reason});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const Release& release) const {
  if (state_.state == SessionState::kReleased) return absl::OkStatus();
  if (state_.state == SessionState::kVoided) return VoidedRefusal();
  if (state_.state != SessionState::kScored && !state_.held) {
    return FailedPrecondition("SESSION_NOT_SCORED", "there is no result to release yet");
  }
  INVIGIL_RETURN_IF_ERROR(CheckAct(release.actor, release.reason));
  if (state_.state == SessionState::kScored) {
    Happen(Released{release.actor, release.reason});
  } else {
    Happen(HoldChanged{false, release.actor, release.reason});
  }
  return absl::OkStatus();
}

absl::Status Judge::operator()(const Void& command) const {
  if (state_.state == SessionState::kVoided) return absl::OkStatus();
  if (command.if_not_started && state_.started_at) return absl::OkStatus();
  if (!IsText(command.reason, 1024)) {
    return InvalidArgument("VOID_INVALID", "say why the session does not count")
        .Field("reason", "must have 1 to 1024 characters");
  }
  if (!command.actor.empty() && !IsText(command.actor, 256)) {
    return InvalidArgument("VOID_INVALID", "say who declares that the session does not count")
        .Field("actor", "must have at most 256 characters");
  }
  Happen(Voided{command.reason, command.actor});
  return absl::OkStatus();
}

}  // namespace invigil::session
