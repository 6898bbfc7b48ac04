// What can happen to a session. An event is a fact: once in the log it is never judged again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "absl/container/inlined_vector.h"
#include "services/session/domain/session.h"

namespace invigil::session {

struct Reserved {
  Identity identity;
  friend bool operator==(const Reserved&, const Reserved&) = default;
};

struct FormAttached {
  std::shared_ptr<const Form> form;
  friend bool operator==(const FormAttached& a, const FormAttached& b) {
    return *a.form == *b.form;
  }
};

// The clock started, at the time of the event. At most one in a log.
struct Started {
  friend bool operator==(const Started&, const Started&) = default;
};

// All that one request stored.
struct ResponsesStored {
  struct Response {
    uint32_t place = 0;
    StoredResponse stored;
    friend bool operator==(const Response&, const Response&) = default;
  };
  absl::InlinedVector<Response, 2> responses;
  friend bool operator==(const ResponsesStored&, const ResponsesStored&) = default;
};

struct TakenOver {
  uint32_t epoch = 0;  // the new one
  friend bool operator==(const TakenOver&, const TakenOver&) = default;
};

struct TimeGranted {
  Grant grant;
  std::string actor;
  std::string reason;
  friend bool operator==(const TimeGranted&, const TimeGranted&) = default;
};

// Nothing can be answered any more.
struct Sealed {
  SessionState as = SessionState::kExpired;  // SUBMITTED, EXPIRED or TERMINATED
  Time ended_at{};
  friend bool operator==(const Sealed&, const Sealed&) = default;
};

struct Scored {
  uint32_t score_version = 0;
  std::shared_ptr<const std::string> report;  // opaque here
  friend bool operator==(const Scored& a, const Scored& b) {
    return a.score_version == b.score_version && *a.report == *b.report;
  }
};

struct Released {
  friend bool operator==(const Released&, const Released&) = default;
};

struct Voided {
  std::string reason;
  friend bool operator==(const Voided&, const Voided&) = default;
};

using Event = std::variant<Reserved, FormAttached, Started, ResponsesStored, TakenOver, TimeGranted,
                           Sealed, Scored, Released, Voided>;
// Most decisions make one event, a few make two; sealing on the way adds one.
using Events = absl::InlinedVector<Event, 1>;

}  // namespace invigil::session
