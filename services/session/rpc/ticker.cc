#include "services/session/rpc/ticker.h"

#include <algorithm>

namespace invigil::session {

Ticker::Ticker(const Clock& clock) : clock_(clock), thread_([this] { Loop(); }) {}

Ticker::~Ticker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Ticker::Key Ticker::After(Duration delay, std::function<void()> call) {
  const int64_t due = (clock_.Monotonic() + std::max(delay, Duration(0))).count();
  Key key;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    key = {due, ++last_};
    calls_.emplace(key, std::move(call));
    first = calls_.begin()->first == key;
  }
  if (first) wake_.notify_all();
  return key;
}

bool Ticker::Cancel(const Key& key) {
  const std::lock_guard lock(mutex_);
  return calls_.erase(key) > 0;
}

void Ticker::Loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (calls_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const auto next = calls_.begin();
    const Duration left = Duration(next->first.first) - clock_.Monotonic();
    if (left > Duration(0)) {
      wake_.wait_for(lock, left);
      continue;
    }
    const auto call = std::move(next->second);
    calls_.erase(next);
    lock.unlock();
    call();
    lock.lock();
  }
}

}  // namespace invigil::session
