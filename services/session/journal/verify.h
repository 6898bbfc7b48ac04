// Whether a journal tells the truth: its chain, the events it names, and what was sealed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "services/session/store/event_log.h"

namespace invigil::session {

struct JournalFault {
  uint64_t n = 0;  // of the first row that is wrong
  std::string what;
};

struct JournalVerdict {
  uint64_t rows = 0;                  // that were right
  uint64_t sessions = 0;              // that they speak of
  JournalHead begin;                  // zeros, or the row behind which the journal begins
  JournalHead head;                   // after those rows
  std::optional<JournalFault> fault;  // nullopt: all is as it was written
};

struct VerifyOptions {
  // A head that was noted elsewhere before: the journal must still go through it.
  std::optional<JournalHead> noted{};
  // Told the number of rows done, now and then.
  std::function<void(uint64_t)> progress{};
  // Asked between pages and sessions, so every few milliseconds; true: nobody wants to know any
  // more. Empty: never.
  std::function<bool()> stop{};
};

// Reads the whole journal and every event it names; blocks for as long. Finds a row that was
// changed, taken out, put in or moved, an end that was cut off behind the head's row or a noted
// head, an event that was changed, taken out or added, and
// stored responses that are not those that were sealed. Where a candidate was erased, it finds any
// other change to the event, and an erasure that no later row tells of. Sessions older than the
// journal have no rows and are not judged. If the oldest part was cut off, it proves the rest, and
// that a row says so. Erasures and retention may go on meanwhile. Errors: of the store,
// FAILED_PRECONDITION (HEAD_CUT_OFF) for a head in that part, UNAVAILABLE (AUDIT_MOVED) when the
// oldest part was cut off several times meanwhile, and CANCELLED (AUDIT_STOPPED) when told to stop;
// they say nothing about the truth.
absl::StatusOr<JournalVerdict> VerifyJournal(EventLogReader& reader, VerifyOptions options = {});

}  // namespace invigil::session
