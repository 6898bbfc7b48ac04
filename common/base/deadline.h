// Call deadlines: gRPC states them on this machine's wall clock, so the conversion lives here, with
// the other readers of that clock. They bound calls; they never decide about a candidate's time.
#pragma once

#include <algorithm>
#include <chrono>

#include "common/base/time.h"

namespace invigil {

using CallDeadline = std::chrono::system_clock::time_point;

inline CallDeadline DeadlineAfter(Duration d) { return std::chrono::system_clock::now() + d; }

// What is left, from 0 up to `cap`.
inline Duration UntilDeadline(CallDeadline deadline, Duration cap) {
  const auto left = deadline - std::chrono::system_clock::now();
  if (left <= left.zero()) return Duration(0);
  return left > cap ? cap : std::min(cap, duration_cast<Duration>(left));
}

}  // namespace invigil
