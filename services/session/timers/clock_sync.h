#pragma once

#include <memory>
#include <thread>

#include "common/base/clock.h"
#include "common/redis/client.h"

namespace invigil::session {

struct ClockSyncOptions {
  Duration period = Seconds(1);
  // Until the first reading is believed.
  Duration first_period = Millis(100);
  // Without any reading for so long after the start, this machine's clock is trusted: better than
  // ending no exam.
  Duration patience = Seconds(3);
  // Alarm when this machine's wall clock is further from Redis than this.
  Duration skew_alarm = Millis(500);
};

// Keeps the suite's clock with Redis TIME, as far as ClockGuard believes it. Own thread.
class ClockSync {
 public:
  // All outlive this; `local` is the clock that `clock` was made on.
  ClockSync(redis::Client& client, DisciplinedClock& clock, const Clock& local,
            ClockSyncOptions options = {});
  // Stops.
  ~ClockSync();

  void Start();
  // Returns when the reading under way has been answered. Safe to call twice.
  void Stop();

  // Whether exams may be ended, and candidates served, by this replica's clock. False at the start
  // until Redis has confirmed it (or has been out of reach for `patience`), and for as long as the
  // first reading is disputed: one of the two clocks is wrong, and nobody knows which. Once true it
  // stays true: a clock that was right runs on. Thread-safe.
  bool Trusted() const;

 private:
  struct Shared;
  void Run();
  void Ask();

  redis::Client& client_;
  const ClockSyncOptions options_;
  std::shared_ptr<Shared> shared_;  // with the callbacks
  std::thread thread_;
};

}  // namespace invigil::session
