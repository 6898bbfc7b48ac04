// What a session is at a moment: the fold of its event log. A plain value, cheap to copy (the form,
// the identity and the report are shared), so that a writer can work on a copy and drop it.
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

// Who and what; fixed when the session is reserved.
struct Identity {
  std::string candidate_id;
  std::string exam_id;
  std::string request_id;  // of the start that reserved it
  friend bool operator==(const Identity&, const Identity&) = default;
};

struct Grant {
  std::string id;
  Duration amount{0};
  friend bool operator==(const Grant&, const Grant&) = default;
};

struct State {
  uint64_t version = 0;  // events folded: the sequence of the newest in the log
  SessionState state = SessionState::kNone;
  uint32_t epoch = 0;             // 1 when reserved; a take-over raises it
  uint32_t deadline_version = 0;  // 1 when reserved; a grant raises it
  uint32_t attempt_version = 0;   // how often the session was sealed
  uint32_t score_version = 0;     // of `report`; 0: not scored
  Time last_event_at{};           // no later decision is earlier than this
  std::optional<Time> started_at;
  std::optional<Time> ended_at;  // the earlier of submission and deadline
  Duration granted{0};           // the sum of `grants`
  std::shared_ptr<const Identity> identity;
  std::shared_ptr<const Form> form;
  std::shared_ptr<const std::string> report;
  std::vector<StoredResponse> responses;  // by place; as many as the form has
  std::vector<Grant> grants;

  bool exists() const { return state != SessionState::kNone; }
  // Whether the session can still be answered, now or once its clock runs.
  bool live() const { return state >= SessionState::kReady && state <= SessionState::kOnBreak; }
  // Sealed and counting: SUBMITTED, EXPIRED, TERMINATED, SCORED, RELEASED.
  bool sealed() const {
    return state >= SessionState::kSubmitted && state <= SessionState::kReleased;
  }
};
// Equal in value: shared parts are compared, not their addresses.
bool operator==(const State& a, const State& b);

// start + base + grants. nullopt until the clock has started. The one place that computes it.
std::optional<Time> Deadline(const State& state);
// Whether the clock has run out and the seal is still to be written.
bool Overdue(const State& state, Time now);

// What a reader is told at `now`, right even when the seal of an overdue session is not yet
// written.
struct View {
  SessionState state = SessionState::kNone;
  Duration remaining{0};  // the whole time while READY; zero when sealed
  std::optional<Time> ended_at;
};
View ViewAt(const State& state, Time now);

}  // namespace invigil::session
