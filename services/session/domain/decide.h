// The rules of a sitting: what a command does to a session at a moment. Pure.
#pragma once

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "services/session/domain/commands.h"
#include "services/session/domain/events.h"

namespace invigil::session {

// The fate of one write of SaveResponses.
struct Ack {
  enum class Fate : uint8_t { kStored = 1, kStale = 2 };
  uint32_t place = 0;
  uint32_t sequence = 0;  // as sent
  Fate fate = Fate::kStored;
  StoredResponse stored;  // what the session holds for the place afterwards
};
using Acks = absl::InlinedVector<Ack, 1>;

struct Decision {
  // What to append and apply, in order, all at `at`. May be there although `status` refuses: what
  // time brought about is due whoever asks for whatever.
  Events events;
  // Not before any earlier event of the session, whatever order requests are taken in.
  Time at{};
  // How the command is answered.
  absl::Status status;
  // SaveResponses only: in the order sent.
  Acks acks;
};

// Judges `command`, received at `now`. Time comes first: what it has brought about by then (parts
// that ended, the seal) is decided, each at its own moment, and then the command is answered by the
// session as it is after that. Refusals, by command (every one: SESSION_NOT_FOUND but Reserve,
// SESSION_NOT_YOURS but Claim):
//   SaveResponses  SESSION_SEALED (metadata end_time), SESSION_NOT_ACTIVE, EPOCH_STALE and
//                  EPOCH_UNKNOWN (metadata epoch), RESPONSE_INVALID naming every wrong field,
//                  ITEMS_LOCKED and EDIT_QUOTA_USED (metadata item_ids, sent, stored)
//   SaveProgress   the same but for the last two
//   Submit         as SaveProgress, and RESPONSES_MISSING (metadata item_ids); repeated on a sealed
//                  session with the valid epoch it is answered OK
//   LeavePart      as Submit, and PART_INVALID, PART_NOT_ENTERED (metadata part); repeated it is
//                  answered OK
//   TakeBreak      BREAK_NOT_ALLOWED, BREAK_INVALID and those of state and epoch
//   EndBreak       NOT_ON_BREAK and those of state and epoch
//   Reserve        START_INVALID, SESSION_EXISTS  TakeOver  SESSION_SEALED, SESSION_NOT_ACTIVE
//   Start          FORM_INVALID, CHECK_IN_REQUIRED, WINDOW_CLOSED, SESSION_NOT_ACTIVE when voided
//   Claim          SESSION_CLAIMED, SESSION_NOT_CLAIMABLE, SESSION_NOT_SEALED, CLAIM_INVALID
//   Expire         DEADLINE_NOT_REACHED (metadata deadline_us when a clock runs)
//   GrantTime      GRANT_INVALID, GRANT_CONFLICT, SECTIONS_OVER, SESSION_SEALED, SESSION_NOT_ACTIVE
//   Pause, Resume, Terminate, CheckIn   ACT_INVALID, SESSION_SEALED, SESSION_NOT_ACTIVE
//   Reopen         GRANT_INVALID, GRANT_CONFLICT, SESSION_NOT_SEALED, SESSION_VOIDED
//   RecoverResponses  ACT_INVALID, RESPONSE_INVALID, SESSION_NOT_SEALED, SESSION_VOIDED
//   SendMessage    MESSAGE_INVALID, MESSAGE_CONFLICT, SESSION_SEALED
//   ConfirmMessage MESSAGE_NOT_FOUND            ReportIrregularity  REPORT_INVALID, SESSION_VOIDED
//   RecordScore    SCORE_INVALID, SCORE_CONFLICT, SCORE_SUPERSEDED, SESSION_NOT_SEALED,
//                  SESSION_VOIDED
//   Release        SESSION_NOT_SCORED, SESSION_VOIDED                      Void  VOID_INVALID
Decision Decide(const State& state, const Command& command, Time now);

}  // namespace invigil::session
