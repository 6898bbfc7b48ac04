// A thread for what reads long and is answered late: one reading at a time, a few more may wait.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/status/status.h"

namespace invigil::session {

// Thread-safe.
class Readings {
 public:
  // May take minutes, but gives up soon with CANCELLED once stopping() is true.
  using Read = std::function<absl::Status()>;
  // Called once, with what `read` gave; must not block.
  using Done = std::function<void(const absl::Status&)>;

  Readings();
  // Whatever was not read to its end is done with UNAVAILABLE (SHUTTING_DOWN); returns after the
  // last `done`.
  ~Readings();

  // false: too many wait, and neither will be called.
  bool Add(Read read, Done done);
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

 private:
  struct Reading {
    Read read;
    Done done;
  };
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Reading> waiting_;  // under mutex_
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses the above
};

}  // namespace invigil::session
