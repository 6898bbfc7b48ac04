// Things to do a while from now: one thread, a heap, no work of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "common/base/clock.h"

namespace invigil::session {

// Runs callbacks after a delay, on its own thread, one at a time; they must not block. Thread-safe.
class Ticker {
 public:
  // By the clock's monotonic time. `clock` outlives this.
  explicit Ticker(const Clock& clock);
  // Drops what is still waiting.
  ~Ticker();
  using Key = std::pair<int64_t, uint64_t>;
  Key After(Duration delay, std::function<void()> call);
  // false: it ran, runs now or was cancelled before.
  bool Cancel(const Key& key);

 private:
  void Loop();
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Key, std::function<void()>> calls_;  // under mutex_; by due time
  uint64_t last_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace invigil::session
