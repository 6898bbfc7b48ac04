#include "common/base/clock.h"

namespace invigil {

Time SystemClock::Now() const {
  return Time(duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

Duration SystemClock::Monotonic() const {
  return duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

DisciplinedClock::DisciplinedClock(const Clock& local)
    : local_(local), offset_us_(ToUnixMicros(local.Now()) - local.Monotonic().count()) {}

Time DisciplinedClock::Now() const {
  return FromUnixMicros(local_.Monotonic().count() + offset_us_.load(std::memory_order_relaxed));
}

bool DisciplinedClock::Sample(Time source, Duration sent, Duration received) {
  const Duration round_trip = received - sent;
  if (round_trip < Duration(0) || round_trip > kMaxRoundTrip) return false;
  // The source read its clock somewhere between sent and received; the middle errs by half at most.
  const int64_t offset = ToUnixMicros(source) - (sent + round_trip / 2).count();
  last_correction_us_ = offset - offset_us_.exchange(offset);
  synchronised_ = true;
  return true;
}

Duration DisciplinedClock::WallSkew() const { return Now() - local_.Now(); }

}  // namespace invigil
