// A row of the journal that no event stands behind: a call that was refused, an erasure, a part of
// the journal that was taken away. It has a body of its own, chained like an event's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

struct Remark {
  std::string kind;   // one of those below
  SessionId session;  // of which it speaks; all zeros: of none
  Time at{};
  std::string actor;   // who did it, or was refused; empty: nobody who could be named
  std::string method;  // what was called
  std::string reason;  // of a refusal, its reason; else what the actor gave as one
  std::string
      person;  // of an erasure: what the candidate is called from then on; of an export or act: who
  uint64_t count = 0;  // of how many refusals, rows or sessions it speaks
  friend bool operator==(const Remark&, const Remark&) = default;
};

// A call was refused for who made it.
inline constexpr char kDenied[] = "denied";
// So were `count` more of the actor, which have no rows of their own.
inline constexpr char kDeniedMore[] = "denied_more";

// A candidate was erased from the session, or, where there is none, everywhere.
inline constexpr char kErasedPerson[] = "erased";

// People's words were taken out of the session.
inline constexpr char kWordsErased[] = "words_erased";
// The journal's rows up to `count` were kept long enough; `reason` is the hash of that row.
inline constexpr char kCut[] = "cut";
// Staff changed who may sit what and with how much time: `method` and `reason` say what.
inline constexpr char kAct[] = "act";
// All that is kept of a candidate was given out.
inline constexpr char kExported[] = "exported";

// The candidate it names, who can ask to be erased: of refusals the actor. Empty: it names none.
std::string_view PersonIn(const Remark& remark);
Remark RedactRemark(Remark remark, std::string_view name);
// Of all but the person, in hexadecimal.
std::string RestHash(const Remark& remark);

// The bytes of a row: all but kind, session and time, which the row has.
std::string EncodeRemark(const Remark& remark);
// Errors: DATA_LOSS (LOG_CORRUPT). Kind, session and time are left to the caller.
absl::StatusOr<Remark> DecodeRemark(std::string_view bytes);

}  // namespace invigil::session
