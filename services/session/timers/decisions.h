// What timers decide, free of threads and of Redis; a simulator takes the same decisions.
#pragma once

#include <algorithm>
#include <optional>

#include "services/session/timers/hooks.h"

namespace invigil::session {

// When a claimed session is due again, after the expire hook answered `status`; nullopt: it needs
// no timer any more.
inline std::optional<Time> DueAgain(const absl::Status& status, Time now, Duration retry) {
  if (status.ok()) return std::nullopt;
  // At least a moment away: a deadline the hook and we see differently must not spin.
  if (const auto until = NotDueUntil(status)) return std::max(*until, now + Millis(1));
  return now + retry;
}

// When the database is scanned. Asked at every look, which come an `urgent_period` apart.
class ScanPace {
 public:
  ScanPace(Duration period, Duration urgent_period)
      : period_(period), urgent_period_(urgent_period), since_scan_(period) {}
  // Whether to scan at this look.
  bool Look(bool healthy, bool may_expire) {
    since_scan_ += urgent_period_;
    if (!may_expire || (healthy && since_scan_ < period_)) return false;
    since_scan_ = Duration(0);
    return true;
  }

 private:
  const Duration period_, urgent_period_;
  Duration since_scan_;
};

// Whether the index knows all deadlines, judged round by round: every shard heard from, and none of
// them incomplete.
class SweepHealth {
 public:
  // A claim was answered; not `sound` when it failed or its shard is incomplete.
  void Answer(bool sound) {
    ++answers_;
    sound_ = sound_ && sound;
  }
  // The round that begins may claim nothing.
  void Idle() { sound_ = false; }
  // A round that asked nothing, for lack of room, says nothing.
  void RoundOver() {
    healthy_ = sound_ && (answers_ > 0 || healthy_);
    answers_ = 0;
    sound_ = true;
  }
  bool healthy() const { return healthy_; }
  int answers() const { return answers_; }

 private:
  int answers_ = 0;
  bool sound_ = true;
  bool healthy_ = false;
};

}  // namespace invigil::session
