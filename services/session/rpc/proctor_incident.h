// What an outage cost one session, read from its log. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/session/domain/events.h"
#include "services/session/domain/session.h"

namespace invigil::session {

struct Span {
  Time from{}, to{};
  friend bool operator==(const Span&, const Span&) = default;
};

// An outage that is over.
struct Outage {
  Span window;
  std::vector<Span> gaps;  // within it, in order, apart from each other; at least one
};
inline constexpr size_t kMaxGaps = 20;
inline constexpr Duration kMaxWindow = std::chrono::hours(24);

// Puts gaps in order and joins those that touch; none given: the whole window. Errors:
// INVALID_ARGUMENT (INCIDENT_INVALID) naming fields: a window that is empty, longer than 24 hours
// or not over at `now`, a gap that is empty or not within it, too many gaps.
absl::StatusOr<Outage> MakeOutage(Span window, std::vector<Span> gaps, Time now);

// Takes a session's log from its first event on. The outage outlives it.
class LogReading {
 public:
  explicit LogReading(const Outage& outage) : outage_(&outage) {}

  // Errors: DATA_LOSS (LOG_CORRUPT).
  absl::Status Add(uint64_t seq, Time at, const Event& event);
  // After the last event: brings about what time alone has by `now`, written or not.
  absl::Status Finish(Time now);

  // After Finish.
  const State& state() const { return state_; }
  // How long the exam's clock ran in the window, and how much of that fell into gaps. What the
  // session was without while its clock stood still cost it nothing.
  Duration ran() const { return ran_; }
  Duration lost() const { return lost_; }
  std::optional<Time> last_save_before() const { return last_save_before_; }
  uint32_t saves_within() const { return saves_within_; }
  std::optional<Time> first_save_after() const { return first_save_after_; }
  // Sealed because its time was up, whatever became of it then.
  bool expired() const { return state_.sealed() && sealed_as_ == SessionState::kExpired; }

 private:
  std::optional<Time> RunningSince() const;
  absl::Status Apply(Time at, const Event& event);
  void Count(const Span& ran);

  const Outage* outage_;
  State state_;
  SessionState sealed_as_ = SessionState::kNone;
  Duration ran_{0}, lost_{0};
  std::optional<Time> last_save_before_, first_save_after_;
  uint32_t saves_within_ = 0;
};

}  // namespace invigil::session
