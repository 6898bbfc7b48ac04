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
  // What to append and apply, in order, all at `at`. May be there although `status` refuses: the
  // seal of a session whose deadline has passed is due whoever asks for whatever.
  Events events;
  // Not before any earlier event of the session, whatever order requests are taken in.
  Time at{};
  // How the command is answered.
  absl::Status status;
  // SaveResponses only: in the order sent.
  Acks acks;
};

// Judges `command`, received at `now`. The deadline comes first: when it has passed and no seal is
// written, the seal is decided, ended at the deadline, and then the command is answered as the
// sealed session answers it. Refusals, by command (every one: SESSION_NOT_FOUND but Reserve,
// SESSION_NOT_YOURS):
//   SaveResponses  SESSION_SEALED (metadata end_time), SESSION_NOT_ACTIVE, EPOCH_STALE and
//                  EPOCH_UNKNOWN (metadata epoch), RESPONSE_INVALID naming every wrong field
//   Submit         as SaveResponses, and RESPONSES_MISSING (metadata item_ids); repeated on a
//   sealed
//                  session with the valid epoch it is answered OK
//   Expire         DEADLINE_NOT_REACHED (metadata deadline_us when the clock runs)
//   Reserve        START_INVALID, SESSION_EXISTS  TakeOver  SESSION_SEALED, SESSION_NOT_ACTIVE
//   Start          FORM_INVALID, SESSION_NOT_ACTIVE when voided
//   GrantTime      GRANT_INVALID, GRANT_CONFLICT, SESSION_SEALED, SESSION_NOT_ACTIVE
//   RecordScore    SCORE_INVALID, SCORE_CONFLICT, SESSION_NOT_SEALED, SESSION_VOIDED
//   Release        SESSION_NOT_SCORED, SESSION_VOIDED                      Void  VOID_INVALID
Decision Decide(const State& state, const Command& command, Time now);

}  // namespace invigil::session
