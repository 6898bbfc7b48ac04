// The one thread of a simulated history: what happens when, in an order that only the seed decides.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/base/time.h"

namespace invigil::session::sim {

class Agenda {
 public:
  using Task = absl::AnyInvocable<void()>;

  explicit Agenda(Time start) : now_(start) {}

  // True time: no simulated clock need agree with it.
  Time now() const { return now_; }

  // What is due at the same microsecond runs in the order it was planned.
  void At(Time when, Task task) {
    size_t slot = tasks_.size();
    if (free_.empty()) {
      tasks_.push_back(std::move(task));
    } else {
      slot = free_.back();
      free_.pop_back();
      tasks_[slot] = std::move(task);
    }
    heap_.push_back({std::max(when, now_), ++planned_, slot});
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }
  void In(Duration delay, Task task) { At(now_ + delay, std::move(task)); }

  // Runs the next task due by `until`. False: there is none, and now() is `until`.
  bool RunNext(Time until) {
    if (heap_.empty() || heap_.front().when > until) {
      now_ = std::max(now_, until);
      return false;
    }
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    const Entry entry = heap_.back();
    heap_.pop_back();
    now_ = entry.when;
    ++steps_;
    Task task = std::move(tasks_[entry.slot]);
    free_.push_back(entry.slot);
    task();
    return true;
  }

  uint64_t steps() const { return steps_; }

 private:
  struct Entry {
    Time when{};
    uint64_t order = 0;
    size_t slot = 0;  // of its task: moving those about would cost more than all else here
  };
  static bool Later(const Entry& a, const Entry& b) {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
  }
  std::vector<Entry> heap_;
  std::vector<Task> tasks_;
  std::vector<size_t> free_;
  Time now_;
  uint64_t planned_ = 0, steps_ = 0;
};

}  // namespace invigil::session::sim
