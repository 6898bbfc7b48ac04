// What can happen to a session. An event is a fact: once in the log it is never judged again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

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

// The sitting began, at the time of the event, in the form's first part. At most one in a log.
struct Started {
  std::shared_ptr<const Accommodation> accommodation;  // null: none
  std::optional<Time> window_end;
  friend bool operator==(const Started& a, const Started& b) {
    return a.window_end == b.window_end && !a.accommodation == !b.accommodation &&
           (!a.accommodation || *a.accommodation == *b.accommodation);
  }
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

// The next part began, by the candidate or because the time of the one before was up.
struct PartEntered {
  uint32_t part = 0;
  Time at{};  // may be earlier than when it was written
  bool is_break = false;
  friend bool operator==(const PartEntered&, const PartEntered&) = default;
};

// A break of the candidate's own.
struct BreakStarted {
  BreakKind kind = BreakKind::kUnscheduled;
  std::vector<uint32_t> seen;  // places that are locked from now on
  friend bool operator==(const BreakStarted&, const BreakStarted&) = default;
};

struct BreakEnded {
  Time at{};  // may be earlier than when it was written
  friend bool operator==(const BreakEnded&, const BreakEnded&) = default;
};

// Every clock of the session stands still.
struct Paused {
  std::string actor;
  std::string reason;
  friend bool operator==(const Paused&, const Paused&) = default;
};

struct Resumed {
  bool to_break = false;  // a break was paused
  std::string actor;
  std::string reason;
  friend bool operator==(const Resumed&, const Resumed&) = default;
};

// A sealed session runs again, with what time it had left and what is granted.
struct Reopened {
  Grant grant;  // may be of 0
  std::string actor;
  std::string reason;
  friend bool operator==(const Reopened&, const Reopened&) = default;
};

// Responses that were found after the seal were added to it.
struct ResponsesRecovered {
  std::string id;
  std::string actor;
  std::string reason;
  std::vector<ResponsesStored::Response> responses;
  friend bool operator==(const ResponsesRecovered&, const ResponsesRecovered&) = default;
};

// What the candidate's screen reported: flags, times, where they are.
struct ProgressStored {
  struct Entry {
    uint32_t place = 0;
    Mark mark;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::vector<Entry> entries;
  std::optional<uint32_t> shown;  // the item on the screen
  friend bool operator==(const ProgressStored&, const ProgressStored&) = default;
};

// The candidate may begin: somebody saw who they are.
struct CheckedIn {
  std::string actor;
  std::string note;
  friend bool operator==(const CheckedIn&, const CheckedIn&) = default;
};

struct MessageSent {
  std::string id;
  std::string actor;
  std::string text;
  bool from_candidate = false;
  friend bool operator==(const MessageSent&, const MessageSent&) = default;
};

struct MessageConfirmed {
  std::string id;
  std::string actor{};  // empty: the candidate, or it was not written down
  friend bool operator==(const MessageConfirmed&, const MessageConfirmed&) = default;
};

// Something about the sitting was not as it should be.
struct IrregularityReported {
  std::string id;
  std::string category;
  std::string text;
  std::string actor;
  friend bool operator==(const IrregularityReported&, const IrregularityReported&) = default;
};

// A diagnostic of somebody without an account became an account's.
struct Claimed {
  std::string candidate_id;
  friend bool operator==(const Claimed&, const Claimed&) = default;
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
  std::string actor;   // who ended it for the candidate; empty: the candidate or the time
  std::string reason;  // with `actor`
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
  std::string actor{};  // empty: nobody held it back
  std::string reason{};
  friend bool operator==(const Released&, const Released&) = default;
};

// The result is held back, or is not any more, before anybody has seen it.
struct HoldChanged {
  bool held = true;
  std::string actor;
  std::string reason;
  friend bool operator==(const HoldChanged&, const HoldChanged&) = default;
};

struct Voided {
  std::string reason;
  std::string actor;
  friend bool operator==(const Voided&, const Voided&) = default;
};

using Event =
    std::variant<Reserved, FormAttached, Started, ResponsesStored, TakenOver, TimeGranted, Sealed,
                 Scored, Released, Voided, PartEntered, BreakStarted, BreakEnded, Paused, Resumed,
                 Reopened, ResponsesRecovered, ProgressStored, CheckedIn, MessageSent,
                 MessageConfirmed, IrregularityReported, Claimed, HoldChanged>;
// Most decisions make one event, a few make two; sealing on the way adds one.
using Events = absl::InlinedVector<Event, 1>;

}  // namespace invigil::session
