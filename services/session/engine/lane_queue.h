// The queue before the writer: bounded lanes, of which an earlier one is served first. No lane can
// starve: each may put a few commands into every batch. Bulk never puts in more than those few,
// also when nothing else waits: whatever comes while a batch runs waits for all of it. For the same
// reason seals put in no more than they are given.
#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace invigil::session {

// kSeal: what ends sessions with nobody waiting, thousands in one second.
enum class Lane { kSave = 0, kSeal = 1, kRead = 2, kStart = 3, kBulk = 4 };
inline constexpr size_t kLanes = 5;

// Thread-safe; one taker.
template <typename Job>
class LaneQueue {
 public:
  explicit LaneQueue(size_t limit) : limit_(limit) {}

  enum class Pushed { kOk, kFull, kClosed };
  // Moves from `job` only when kOk.
  Pushed Push(Lane lane, Job& job) {
    bool wake;
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return Pushed::kClosed;
      auto& jobs = lanes_[static_cast<size_t>(lane)];
      if (jobs.size() >= limit_) return Pushed::kFull;
      jobs.push_back(std::move(job));
      wake = std::exchange(waiting_, false);
    }
    if (wake) wake_.notify_one();
    return Pushed::kOk;
  }

  // Waits for jobs and appends up to `max` of them to `batch`, in the order pushed within a lane,
  // of which up to `seals` (1 or more) are seals. false: closed and empty.
  bool Take(size_t max, size_t seals, std::vector<Job>& batch) {
    std::unique_lock lock(mutex_);
    while (Size() == 0) {
      if (closed_) return false;
      waiting_ = true;
      wake_.wait(lock);
    }
    waiting_ = false;
    // Later lanes first get their small share set aside, then lanes are served in order.
    const size_t share = std::max<size_t>(1, max / 16);
    std::array<size_t, kLanes> most{}, quota{};
    for (size_t i = 0; i < kLanes; ++i) most[i] = lanes_[i].size();
    const auto limit = [&most](Lane lane, size_t jobs) {
      size_t& of = most[static_cast<size_t>(lane)];
      of = std::min(of, jobs);
    };
    limit(Lane::kSeal, seals);
    limit(Lane::kBulk, share);
    size_t left = max;
    for (size_t i = 1; i < kLanes && left > share; ++i) {
      quota[i] = std::min(share, most[i]);
      left -= quota[i];
    }
    for (size_t i = 0; i < kLanes; ++i) {
      const size_t more = std::min(left, most[i] - quota[i]);
      quota[i] += more;
      left -= more;
    }
    for (size_t i = 0; i < kLanes; ++i) {
      for (size_t n = 0; n < quota[i]; ++n) {
        batch.push_back(std::move(lanes_[i].front()));
        lanes_[i].pop_front();
      }
    }
    return true;
  }

  // What was pushed is still taken.
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_all();
  }

  size_t size() const {
    const std::lock_guard lock(mutex_);
    return Size();
  }
  size_t size(Lane lane) const {
    const std::lock_guard lock(mutex_);
    return lanes_[static_cast<size_t>(lane)].size();
  }

 private:
  size_t Size() const {
    size_t size = 0;
    for (const auto& jobs : lanes_) size += jobs.size();
    return size;
  }

  const size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::array<std::deque<Job>, kLanes> lanes_;
  bool waiting_ = false, closed_ = false;
};

}  // namespace invigil::session
