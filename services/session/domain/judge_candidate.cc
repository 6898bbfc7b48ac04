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

absl::Status CheckIdentity(const Identity& identity) {
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

// What registration gave must fit the form, and leave time to answer.
absl::Status CheckAccommodation(const State& state, const Form& form, const Accommodation* given) {
  Error error = InvalidArgument("FORM_INVALID", "the sitting can't begin; see the fields");
  bool valid = true;
  const auto fault = [&](const char* field, const char* description) {
    error.Field(field, description);
    valid = false;
  };
  Duration time = form.duration() + state.granted;
  if (given) {
    time += given->exam_extra;
    if (given->exam_extra < Duration(0) || given->exam_extra > kMaxExtra) {
      fault("accommodation.exam_extra", "must be 0 to 24 hours");
    }
    if (given->break_pool < Duration(0) || given->break_pool > kMaxExtra) {
      fault("accommodation.break_pool", "must be 0 to 24 hours");
    }
    if (!given->part_extra.empty() && given->part_extra.size() != form.parts()) {
      fault("accommodation.part_extra", "must have one entry a part, or none");
    }
    for (const Duration extra : given->part_extra) {
      if (extra < Duration(0) || extra > kMaxExtra) {
        fault("accommodation.part_extra", "must each be 0 to 24 hours");
        break;
      }
    }
  }
  if (time <= Duration(0)) fault("grants", "leave no time to answer");
  return valid ? absl::OkStatus() : error.Build();
}

absl::Status BreakNumberRefusal(const State& state) {
  return InvalidArgument("BREAK_INVALID", "nothing was done; correct the fields named")
      .Field("break_number", "is past the session's break_count, " + std::to_string(state.breaks));
}

absl::Status NotOnBreakRefusal() {
  return FailedPrecondition("NOT_ON_BREAK", "the session is not on a break");
}

}  // namespace

absl::Status Judge::operator()(const Reserve& reserve) const {
  if (state_.exists()) {
    if (*state_.identity == reserve.identity) return absl::OkStatus();
    return AlreadyExists("SESSION_EXISTS", "the session id belongs to another start");
  }
  INVIGIL_RETURN_IF_ERROR(CheckIdentity(reserve.identity));
  Happen(Reserved{reserve.identity});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const Start& start) const {
  if (state_.state == SessionState::kVoided) return NotWritableRefusal(state_);
  if (state_.started_at) return absl::OkStatus();  // the clock starts once
  const Form* form = state_.form ? state_.form.get() : start.form.get();
  if (!form) return InvalidArgument("FORM_INVALID", "a form is needed to start");
  if (form->plan().check_in && !state_.checked_in) {
    return FailedPrecondition("CHECK_IN_REQUIRED",
                              "a proctor must check you in first; then start again");
  }
  INVIGIL_RETURN_IF_ERROR(CheckAccommodation(state_, *form, start.accommodation.get()));
  if (start.window_end && *start.window_end <= decision_.at) {
    return FailedPrecondition("WINDOW_CLOSED",
                              "the time in which this exam could be taken is over");
  }
  if (!state_.form) Happen(FormAttached{start.form});
  Happen(Started{start.accommodation, start.window_end});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const SaveResponses& save) const {
  if (state_.state != SessionState::kActive) return NotWritableRefusal(state_);
  INVIGIL_RETURN_IF_ERROR(CheckEpoch(state_, save.epoch));
  ResponsesStored stored;
  INVIGIL_RETURN_IF_ERROR(JudgeWrites(state_, save, decision_.acks, stored));
  if (!stored.responses.empty()) Happen(std::move(stored));
  return absl::OkStatus();
}

absl::Status Judge::operator()(const SaveProgress& save) const {
  if (state_.state != SessionState::kActive) return NotWritableRefusal(state_);
  INVIGIL_RETURN_IF_ERROR(CheckEpoch(state_, save.epoch));
  ProgressStored stored;
  INVIGIL_RETURN_IF_ERROR(JudgeProgress(state_, save, stored));
  if (!stored.entries.empty() || stored.shown) Happen(std::move(stored));
  return absl::OkStatus();
}

void Judge::Leave() const {
  const uint32_t next = state_.part + 1;
  if (next < state_.form->parts()) {
    Happen(PartEntered{next, decision_.at, state_.form->part(next).kind == PartKind::kBreak});
  } else {
    Happen(
        Sealed{SessionState::kSubmitted, state_.answers_ended_at.value_or(decision_.at), {}, {}});
  }
}

absl::Status Judge::operator()(const LeavePart& leave) const {
  if (!state_.sitting() && !state_.sealed()) return NotWritableRefusal(state_);
  INVIGIL_RETURN_IF_ERROR(CheckEpoch(state_, leave.epoch));
  if (leave.part >= state_.form->parts()) {
    return InvalidArgument("PART_INVALID", "there is no such part; see GetSession")
        .Field("part", "must be below " + std::to_string(state_.form->parts()));
  }
  if (leave.part < state_.part) return absl::OkStatus();  // left already
  if (state_.sealed() && leave.part == state_.part) return absl::OkStatus();
  if (state_.sealed()) return NotWritableRefusal(state_);
  if (leave.part > state_.part) {
    return FailedPrecondition("PART_NOT_ENTERED", "the session is in an earlier part")
        .With("part", std::to_string(state_.part));
  }
  const Part& part = state_.current_part();
  if (part.kind == PartKind::kBreak) {
    if (state_.state != SessionState::kOnBreak) return NotWritableRefusal(state_);
    Leave();
    return absl::OkStatus();
  }
  if (state_.state != SessionState::kActive) return NotWritableRefusal(state_);
  if (part.kind == PartKind::kAgreement && !leave.accept) {
    Happen(Sealed{SessionState::kTerminated, decision_.at, state_.identity->candidate_id,
                  "the agreement was declined"});
    return absl::OkStatus();
  }
  if (part.is_section()) INVIGIL_RETURN_IF_ERROR(JudgeSeen(state_, leave.seen));
  Leave();
  return absl::OkStatus();
}

absl::Status Judge::operator()(const TakeBreak& take) const {
  const bool on_break = state_.state == SessionState::kOnBreak;
  if (!on_break && state_.state != SessionState::kActive) return NotWritableRefusal(state_);
  INVIGIL_RETURN_IF_ERROR(CheckEpoch(state_, take.epoch));
  const BreakKind asked = take.pooled ? BreakKind::kPooled : BreakKind::kUnscheduled;
  if (take.number > state_.breaks + 1) return BreakNumberRefusal(state_);
  // A late repeat must not begin another.
  if (take.number != 0 && take.number < state_.breaks + (on_break ? 0u : 1u)) {
    return absl::OkStatus();
  }
  if (on_break && take.number > state_.breaks) {
    return FailedPrecondition("BREAK_NOT_ALLOWED", "the session is on a break; end that one first");
  }
  if (on_break) {
    if (state_.break_kind == asked) return absl::OkStatus();  // it has begun
    // Who asks for a standing clock must not be told that it stands.
    return FailedPrecondition("BREAK_NOT_ALLOWED",
                              "the session is on a break of another kind; end that one first");
  }
  if (!state_.current_part().is_section()) {
    return FailedPrecondition("BREAK_NOT_ALLOWED", "breaks are taken from sections only");
  }
  if (take.pooled && state_.pool_used >= state_.break_pool()) {
    return FailedPrecondition("BREAK_NOT_ALLOWED",
                              "no time for breaks with a standing clock is left");
  }
  if (!take.pooled && !state_.form->plan().unscheduled_breaks) {
    return FailedPrecondition("BREAK_NOT_ALLOWED", "this exam has no unscheduled breaks");
  }
  INVIGIL_RETURN_IF_ERROR(JudgeSeen(state_, take.held));
  BreakStarted started{asked, {}};
  if (take.seen.size() > state_.form->size()) {
    return InvalidArgument("BREAK_INVALID", "no break was begun; correct the fields named")
        .Field("seen_item_ids", "has more entries than the session has items");
  }
  // What was answered was seen, whatever the client says.
  std::vector<bool> seen(state_.form->size());
  for (size_t place = 0; place < seen.size(); ++place) {
    seen[place] = state_.responses[place].sequence != 0;
  }
  for (size_t i = 0; i < take.seen.size(); ++i) {
    const int place = state_.form->Find(take.seen[i]);
    if (place < 0) {
      return InvalidArgument("BREAK_INVALID", "no break was begun; correct the fields named")
          .Field("seen_item_ids[" + std::to_string(i) + "]", "is not an item of this session");
    }
    seen[static_cast<size_t>(place)] = true;
  }
  for (size_t place = 0; place < seen.size(); ++place) {
    if (seen[place] && !state_.locked(place)) started.seen.push_back(static_cast<uint32_t>(place));
  }
  Happen(std::move(started));
  return absl::OkStatus();
}

absl::Status Judge::operator()(const EndBreak& end) const {
  if (!state_.sitting()) return NotWritableRefusal(state_);
  INVIGIL_RETURN_IF_ERROR(CheckEpoch(state_, end.epoch));
  if (end.number > state_.breaks) return BreakNumberRefusal(state_);
  // A late repeat must not end the next one.
  if (end.number != 0 && end.number < state_.breaks) return absl::OkStatus();
  if (state_.state == SessionState::kActive) return absl::OkStatus();
  if (state_.state != SessionState::kOnBreak) return NotOnBreakRefusal();
  if (state_.break_kind == BreakKind::kNone) {
    Leave();  // a scheduled one
  } else {
    Happen(BreakEnded{decision_.at});
  }
  return absl::OkStatus();
}

absl::Status Judge::operator()(const Submit& submit) const {
  if (state_.sealed()) return CheckEpoch(state_, submit.epoch);
  if (state_.state != SessionState::kActive) return NotWritableRefusal(state_);
  INVIGIL_RETURN_IF_ERROR(CheckEpoch(state_, submit.epoch));
  if (submit.time_up) return TimeLeftRefusal(state_);  // were it up, the session would be sealed
  INVIGIL_RETURN_IF_ERROR(JudgeSeen(state_, submit.seen));
  Happen(Sealed{SessionState::kSubmitted, state_.answers_ended_at.value_or(decision_.at), {}, {}});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const TakeOver&) const {
  if (!state_.live()) return NotWritableRefusal(state_);
  Happen(TakenOver{state_.epoch + 1});
  return absl::OkStatus();
}

absl::Status Judge::operator()(const Claim& claim) const {
  if (state_.claimed) {
    if (state_.identity->candidate_id == claim.candidate_id) return absl::OkStatus();
    return AlreadyExists("SESSION_CLAIMED", "another account has claimed this diagnostic");
  }
  if (state_.identity->kind != SessionKind::kDiagnostic) {
    return FailedPrecondition("SESSION_NOT_CLAIMABLE", "only diagnostics can be claimed");
  }
  if (!state_.sealed()) {
    return FailedPrecondition("SESSION_NOT_SEALED", "a diagnostic is claimed after it has ended");
  }
  if (!IsText(claim.candidate_id, 256)) {
    return InvalidArgument("CLAIM_INVALID", "an account is needed to claim a diagnostic")
        .Field("candidate_id", "must have 1 to 256 characters");
  }
  Happen(Claimed{claim.candidate_id});
  return absl::OkStatus();
}

}  // namespace invigil::session
