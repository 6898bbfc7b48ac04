// What a session is at a moment: the fold of its event log. A plain value, cheap to copy (what
// seldom changes is shared), so that a writer can work on a copy and drop it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "services/session/domain/form.h"

namespace invigil::session {

// Numbers are those of the wire's SessionState and of the log; they never change.
enum class SessionState : uint8_t {
  kNone = 0,  // not reserved: no event yet
  kReady = 1,
  kActive = 2,
  kPaused = 3,
  kOnBreak = 4,
  kSubmitted = 5,
  kExpired = 6,
  kTerminated = 7,
  kScored = 8,
  kReleased = 9,
  kVoided = 10,
};
inline constexpr size_t kSessionStates = 11;
// "ACTIVE" and so on.
std::string_view StateName(SessionState state);

// What is stored for one place.
struct StoredResponse {
  uint32_t sequence = 0;  // of the write that stored it; 0: never written
  uint32_t options = 0;   // bit k: the option displayed k-th is selected; 0: cleared
  friend bool operator==(const StoredResponse&, const StoredResponse&) = default;
};

// Who and what; fixed when the session is reserved, but for an account that claims a diagnostic.
struct Identity {
  std::string candidate_id;
  std::string exam_id;
  std::string request_id;  // of the start that reserved it
  SessionKind kind = SessionKind::kExam;
  friend bool operator==(const Identity&, const Identity&) = default;
};

struct Grant {
  std::string id;
  Duration amount{0};
  bool reopened = false;  // given by reopening the session
  friend bool operator==(const Grant&, const Grant&) = default;
};

// A break the candidate asked for, within a section.
enum class BreakKind : uint8_t {
  kNone = 0,
  kUnscheduled = 1,  // the clock runs
  kPooled = 2,       // the clock stands still; taken from the accommodation's pool
};

// Between the people at both ends of a session.
struct Message {
  std::string id;  // chosen by the sender, unique in the session
  std::string actor;
  std::string text;
  Time sent_at{};
  bool from_candidate = false;
  bool confirmed = false;  // the other side has shown it
  friend bool operator==(const Message&, const Message&) = default;
};
inline constexpr size_t kMaxMessages = 200;

// What a candidate's screen remembers of a place, apart from the response.
struct Mark {
  uint32_t sequence = 0;  // of the newest report; 0: none
  uint32_t shown_ms = 0;  // how long the item was shown, as the client counts; never decides
  bool flagged = false;
  friend bool operator==(const Mark&, const Mark&) = default;
};

// What most sessions have none of and no save changes.
struct Extras {
  std::vector<Message> messages;            // oldest first
  std::vector<Mark> marks;                  // by place; empty: none was ever set
  std::vector<bool> locked;                 // by place, by a break; empty: none
  std::vector<std::string> recoveries;      // ids of recovered response sets
  std::vector<std::string> irregularities;  // ids of reports
  friend bool operator==(const Extras&, const Extras&) = default;
};

struct State {
  uint64_t version = 0;  // events folded: the sequence of the newest in the log
  SessionState state = SessionState::kNone;
  uint32_t epoch = 0;             // 1 when reserved; a take-over raises it
  uint32_t deadline_version = 0;  // 1 when reserved; whatever moves a deadline raises it
  uint32_t attempt_version = 0;   // how often the session was sealed
  uint32_t score_version = 0;     // of `report`; 0: not scored
  Time last_event_at{};           // no later decision is earlier than this
  std::optional<Time> started_at;
  std::optional<Time> ended_at;  // the earlier of submission and deadline

  // The clock. While `part_since` is set the part's time runs, and with it, in a section, the
  // exam's. See clock.h.
  uint32_t part = 0;  // index of the current part, once started
  std::optional<Time> part_since;
  Duration part_used{0};           // of the current part, before part_since
  Duration part_granted{0};        // to the current part's own time
  Duration next_granted{0};        // to the next section's: granted while none ran
  Duration exam_used{0};           // in earlier sections
  Duration granted{0};             // the sum of `grants`
  std::optional<Time> window_end;  // whatever is left then is lost; grants and pauses move it
  BreakKind break_kind = BreakKind::kNone;
  std::optional<Time> break_since;  // a pooled break's time runs since
  Duration pool_used{0};
  uint32_t breaks = 0;       // begun so far, scheduled ones included
  uint32_t clock_stops = 0;  // pauses and reopenings so far
  std::optional<Time> paused_at;
  // The last section was left: only parts without items follow.
  std::optional<Time> answers_ended_at;
  // How that section was left, for a session that is reopened.
  struct LeftSection {
    uint32_t part = 0, cursor = 0, edits_used = 0;
    Duration used{0}, granted{0};
    friend bool operator==(const LeftSection&, const LeftSection&) = default;
  } left;
  SessionState sealed_as = SessionState::kNone;  // by the newest seal

  uint32_t cursor = 0;      // forward-only: places before it are locked
  uint32_t edits_used = 0;  // in this section
  bool checked_in = false;
  bool claimed = false;
  bool held = false;  // the result is held back: a score does not release it

  std::shared_ptr<const Identity> identity;
  std::shared_ptr<const Form> form;
  std::shared_ptr<const Accommodation> accommodation;  // null: none
  std::shared_ptr<const std::string> report;
  std::shared_ptr<const Extras> extras;   // null: all empty
  std::vector<StoredResponse> responses;  // by place; as many as the form has
  std::vector<Grant> grants;

  bool exists() const { return state != SessionState::kNone; }
  // Whether the session can still be answered, now or once its clock runs.
  bool live() const { return state >= SessionState::kReady && state <= SessionState::kOnBreak; }
  // Begun and not sealed: ACTIVE, PAUSED, ON_BREAK.
  bool sitting() const { return state >= SessionState::kActive && state <= SessionState::kOnBreak; }
  // Sealed and counting: SUBMITTED, EXPIRED, TERMINATED, SCORED, RELEASED.
  bool sealed() const {
    return state >= SessionState::kSubmitted && state <= SessionState::kReleased;
  }
  // Once started.
  const Part& current_part() const { return form->part(part); }
  Duration exam_extra() const { return accommodation ? accommodation->exam_extra : Duration(0); }
  Duration break_pool() const { return accommodation ? accommodation->break_pool : Duration(0); }
  bool locked(size_t place) const {
    return extras && place < extras->locked.size() && extras->locked[place];
  }
};
// Equal in value: shared parts are compared, not their addresses.
bool operator==(const State& a, const State& b);

// start + base + accommodation + grants: when the whole exam's time is up if it runs without a
// stop. nullopt until the sitting has begun. What ends when, pauses and parts included: clock.h.
std::optional<Time> Deadline(const State& state);

}  // namespace invigil::session
