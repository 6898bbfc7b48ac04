#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/time.h"

namespace invigil::redis {

// Something with a deadline, linked into a DeadlineWheel.
struct WheelNode {
  WheelNode* wheel_prev = nullptr;
  WheelNode* wheel_next = nullptr;
  Duration due{0};  // monotonic time

  bool InWheel() const { return wheel_next != nullptr; }
};

// Deadlines of many operations: adding and removing cost the same whatever their number, because
// nearly every operation is removed long before its deadline. One thread. Owns no nodes.
class DeadlineWheel {
 public:
  static constexpr Duration kTick = Millis(5);

  explicit DeadlineWheel(Duration now) : tick_(now / kTick) {
    for (WheelNode& slot : slots_) slot.wheel_prev = slot.wheel_next = &slot;
  }
  DeadlineWheel(const DeadlineWheel&) = delete;

  // `node->due` is set; it is reported at most one tick late.
  void Add(WheelNode* node) {
    // The first tick at which the deadline has passed; one already passed goes to the next tick.
    int64_t tick = (node->due + kTick - Duration(1)) / kTick;
    if (tick <= tick_) tick = tick_ + 1;
    LinkBefore(&slots_[static_cast<size_t>(tick) % kSlots], node);
    ++size_;
  }

  void Remove(WheelNode* node) {
    if (!node->InWheel()) return;
    Unlink(node);
    --size_;
  }

  // Takes out every node whose deadline has passed and calls `expired(node)` for each.
  // `expired` may add and remove nodes.
  template <typename F>
  void Expire(Duration now, F&& expired) {
    const int64_t target = now / kTick;
    // A node further away than one turn shares the slot: it stays until its own turn.
    WheelNode due;
    due.wheel_prev = due.wheel_next = &due;
    const int64_t steps = target - tick_ < kSlots ? target - tick_ : kSlots;
    for (int64_t i = 1; i <= steps; ++i) {
      WheelNode& slot = slots_[static_cast<size_t>(tick_ + i) % kSlots];
      for (WheelNode* node = slot.wheel_next; node != &slot;) {
        WheelNode* next = node->wheel_next;
        if (node->due <= now) {
          Unlink(node);
          LinkBefore(&due, node);
        }
        node = next;
      }
    }
    if (target > tick_) tick_ = target;
    while (due.wheel_next != &due) {
      WheelNode* node = due.wheel_next;
      Unlink(node);
      --size_;
      expired(node);
    }
  }

  size_t size() const { return size_; }

 private:
  static constexpr int64_t kSlots = 512;

  static void LinkBefore(WheelNode* position, WheelNode* node) {
    node->wheel_prev = position->wheel_prev;
    node->wheel_next = position;
    position->wheel_prev->wheel_next = node;
    position->wheel_prev = node;
  }
  static void Unlink(WheelNode* node) {
    node->wheel_prev->wheel_next = node->wheel_next;
    node->wheel_next->wheel_prev = node->wheel_prev;
    node->wheel_prev = node->wheel_next = nullptr;
  }

  std::array<WheelNode, kSlots> slots_;
  int64_t tick_;
  size_t size_ = 0;
};

}  // namespace invigil::redis
