// The only place that asks this machine what time it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "common/base/time.h"

namespace invigil {

// What time it is. Injected everywhere; threads may share one.
class Clock {
 public:
  virtual ~Clock() = default;
  // The suite's time.
  virtual Time Now() const = 0;
  // Never goes back and never jumps; for measuring how long something took.
  virtual Duration Monotonic() const = 0;
};

// This machine's wall clock.
class SystemClock final : public Clock {
 public:
  Time Now() const override;
  Duration Monotonic() const override;
};

// Stands still until a test moves it. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start = FromUnixMicros(1'800'000'000'000'000))
      : now_us_(ToUnixMicros(start)), start_us_(ToUnixMicros(start)) {}
  Time Now() const override { return FromUnixMicros(now_us_.load()); }
  Duration Monotonic() const override { return Duration(now_us_.load() - start_us_); }
  void Advance(Duration d) { now_us_ += d.count(); }
  void Set(Time t) { now_us_ = ToUnixMicros(t); }

 private:
  std::atomic<int64_t> now_us_;
  const int64_t start_us_;
};

// One clock for all replicas: a shared source (Redis TIME) followed as an offset to this machine's
// monotonic clock. Between samples, and when the source is away, it runs on by the monotonic
// clock, so a jump of this machine's wall clock moves nothing. Before the first sample it starts
// from the wall clock. Never goes back by more than a correction of the source. Thread-safe.
class DisciplinedClock final : public Clock {
 public:
  // `local` outlives this.
  explicit DisciplinedClock(const Clock& local);
  Time Now() const override;
  Duration Monotonic() const override { return local_.Monotonic(); }

  // Takes one reading of the source: its time, and the monotonic times just before asking and just
  // after the answer. Readings slower than `kMaxRoundTrip` are dropped: returns false.
  bool Sample(Time source, Duration sent, Duration received);
  // The last correction made by Sample: how far this clock had drifted from the source.
  Duration LastCorrection() const { return Duration(last_correction_us_.load()); }
  // Source minus this machine's wall clock, for the skew alarm.
  Duration WallSkew() const;
  bool Synchronised() const { return synchronised_.load(); }

  static constexpr Duration kMaxRoundTrip = Millis(100);

 private:
  const Clock& local_;
  std::atomic<int64_t> offset_us_;  // suite time minus local monotonic
  std::atomic<int64_t> last_correction_us_{0};
  std::atomic<bool> synchronised_{false};
};

}  // namespace invigil
