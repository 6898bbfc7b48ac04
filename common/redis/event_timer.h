#pragma once

#include <event2/event.h>

#include <functional>
#include <utility>

#include "common/base/time.h"

namespace invigil::redis {

// Calls a function once after a delay, on the thread that runs `base`. That thread only; must be
// destroyed before `base`.
class EventTimer {
 public:
  EventTimer(event_base* base, std::function<void()> due)
      : due_(std::move(due)), event_(evtimer_new(base, Fire, this)) {}
  ~EventTimer() { event_free(event_); }
  EventTimer(const EventTimer&) = delete;
  EventTimer& operator=(const EventTimer&) = delete;

  // Replaces what was set before.
  void Set(Duration delay) {
    const timeval wait{.tv_sec = delay.count() / 1'000'000, .tv_usec = delay.count() % 1'000'000};
    evtimer_add(event_, &wait);
  }
  void Cancel() { evtimer_del(event_); }
  bool IsSet() const { return evtimer_pending(event_, nullptr) != 0; }

 private:
  static void Fire(int, short, void* self) { static_cast<EventTimer*>(self)->due_(); }

  std::function<void()> due_;
  event* event_;
};

}  // namespace invigil::redis
