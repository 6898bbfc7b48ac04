#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "services/session/timers/hooks.h"

namespace invigil::session {

inline SessionId AnySession() { return *SessionId::FromHex(NewId(SystemClock().Now())); }

// The engine and the database as the timers see them: sessions with deadlines, sealed once,
// judged by the clock. Thread-safe. Several replicas may share one.
class FakeEngine {
  // First, because its return type is deduced from its body.
  template <typename F>
  auto Locked(F f) const {
    const std::lock_guard lock(mutex_);
    return f();
  }

 public:
  explicit FakeEngine(const Clock& clock) : clock_(clock) {}

  SessionId Add(Time deadline, SessionId id = AnySession()) {
    const std::lock_guard lock(mutex_);
    deadlines_[id] = deadline;
    running_.insert({deadline, id});
    return id;
  }
  // The deadline as the database has it; the index is not told.
  void Move(const SessionId& id, Time deadline) {
    const std::lock_guard lock(mutex_);
    running_.erase({deadlines_[id], id});
    running_.insert({deadline, id});
    deadlines_[id] = deadline;
  }

  TimerHooks Hooks() {
    return {.expire = [this](const SessionId& id, const ExpireDone& done) { done(Expire(id)); },
            .list = [this](std::optional<Timer> after, Time until,
                           size_t limit) { return List(after, until, limit); }};
  }

  absl::Status Expire(const SessionId& id) {
    const std::lock_guard lock(mutex_);
    ++attempts_;
    if (fail_next_ > 0) {
      --fail_next_;
      return absl::UnavailableError("no disk");
    }
    const Time deadline = deadlines_.at(id);
    const Time now = clock_.Now();
    if (now < deadline) return NotDue(deadline);
    if (running_.erase({deadline, id}) == 0) {
      ++repeated_;
      return absl::OkStatus();
    }
    sealed_.push_back({deadline, id});
    lateness_.push_back(now - deadline);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Timer>> List(std::optional<Timer> after, Time until, size_t limit) {
    const std::lock_guard lock(mutex_);
    ++lists_;
    if (list_fails_) return absl::UnavailableError("no database");
    auto it = after.has_value() ? running_.upper_bound({after->deadline, after->session})
                                : running_.begin();
    std::vector<Timer> out;
    for (; it != running_.end() && it->first <= until && out.size() < limit; ++it) {
      out.push_back({it->first, it->second});
    }
    return out;
  }

  size_t Sealed() const {
    return Locked([this] { return sealed_.size(); });
  }
  size_t Running() const {
    return Locked([this] { return running_.size(); });
  }
  int Attempts() const {
    return Locked([this] { return attempts_; });
  }
  int Repeated() const {
    return Locked([this] { return repeated_; });
  }
  int Lists() const {
    return Locked([this] { return lists_; });
  }
  void FailNext(int n) {
    Locked([&] { return fail_next_ = n; });
  }
  void SetListFails(bool fails) {
    Locked([&] { return list_fails_ = fails; });
  }
  // Sorted.
  std::vector<Duration> Lateness() const {
    return Locked([this] {
      std::vector<Duration> sorted = lateness_;
      std::sort(sorted.begin(), sorted.end());
      return sorted;
    });
  }

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<SessionId, Time> deadlines_;
  std::set<std::pair<Time, SessionId>> running_;
  std::vector<Timer> sealed_;
  std::vector<Duration> lateness_;
  int attempts_ = 0, repeated_ = 0, lists_ = 0, fail_next_ = 0;
  bool list_fails_ = false;
};

}  // namespace invigil::session
