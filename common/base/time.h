// Instants and durations of the suite: whole microseconds, so that arithmetic is exact and a value
// written to a log reads back the same.
#pragma once

#include <chrono>
#include <cstdint>

namespace invigil {

using Duration = std::chrono::duration<int64_t, std::micro>;

// An instant of the suite's own clock, not tied to any clock of this machine.
struct SuiteClock {
  using duration = Duration;
  using rep = Duration::rep;
  using period = Duration::period;
  using time_point = std::chrono::time_point<SuiteClock>;
  static constexpr bool is_steady = false;
};
using Time = SuiteClock::time_point;

using std::chrono::duration_cast;
using Micros = std::chrono::microseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
using Minutes = std::chrono::minutes;

inline int64_t ToUnixMicros(Time t) { return t.time_since_epoch().count(); }
inline Time FromUnixMicros(int64_t us) { return Time(Duration(us)); }
inline int64_t ToUnixMillis(Time t) { return ToUnixMicros(t) / 1000; }

}  // namespace invigil
