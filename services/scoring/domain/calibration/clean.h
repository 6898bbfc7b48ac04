// Which answers may teach us about items: raw sessions in, a matrix for calibration out, with a
// count of everything that was left out. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

namespace invigil::scoring {

struct RawResponse {
  enum class State : uint8_t { kNotPresented, kNotReached, kOmitted, kAnswered };
  State state = State::kNotPresented;
  bool right = false;             // of kAnswered
  std::optional<double> seconds;  // spent on the item, when known
};

struct RawSession {
  bool breached = false;               // an irregularity was confirmed: nothing of it is used
  std::vector<RawResponse> responses;  // one per item, in one order for all sessions
};

// An omitted answer counts as not reached when nothing behind it was answered, except the first
// one: that one was read and skipped (the convention of large surveys). `order` lists items as this
// session presented them; those not listed stay as they are.
void MarkNotReached(RawSession& session, const std::vector<size_t>& order);

struct CleaningRules {
  enum class As : uint8_t { kWrong, kNotPresented };
  // An answer is a rapid guess when it took less than this share of the item's median time (Wise &
  // Ma 2012, normative thresholds), but never a threshold above the seconds below. Share 0: none
  // is.
  double rapid_share = 0.10;
  double rapid_most_seconds = 10;
  size_t rapid_least_times = 20;  // an item with fewer known times gets no threshold
  As rapid = As::kNotPresented;
  As omitted = As::kWrong;
  As not_reached = As::kNotPresented;
  // A session whose share of answers that were no rapid guesses is below this is left out whole
  // (response-time effort, Wise & Kong 2005). 0: none is.
  double least_effort = 0.90;
  bool drop_breached = true;
};

struct CleanedData {
  size_t items = 0;
  std::vector<size_t> sessions;    // which sessions were kept, in order
  std::vector<int8_t> cells;       // kept sessions x items: 1, 0, or -1 (ability/item_tables.h)
  std::vector<double> thresholds;  // per item, seconds; 0: none
  size_t breached_sessions = 0, low_effort_sessions = 0, empty_sessions = 0;
  size_t rapid_guesses = 0, omitted = 0, not_reached = 0;  // in the sessions kept
};

// Errors: CLEANING_RULES_INVALID (a share outside [0, 1], seconds below 0), SESSIONS_SHAPE
// (sessions of different length), SESSION_TIME_INVALID (seconds below 0 or not finite).
absl::StatusOr<CleanedData> CleanResponses(const std::vector<RawSession>& sessions,
                                           const CleaningRules& rules = {});

}  // namespace invigil::scoring
