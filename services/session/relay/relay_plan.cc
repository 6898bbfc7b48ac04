#include "services/session/relay/relay_plan.h"

#include <algorithm>

namespace invigil::session {
namespace {

// What is wrong with this one session will not mend itself soon.
bool IsForGood(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument ||
         status.code() == absl::StatusCode::kAlreadyExists ||
         status.code() == absl::StatusCode::kFailedPrecondition;
}
// Nothing is wrong with the session.
bool IsAway(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded ||
         status.code() == absl::StatusCode::kResourceExhausted;
}

}  // namespace

bool RelayPlan::Take(const Key& key, bool at_once, Duration now) {
  const auto failing = failing_.find(key);
  if (failing != failing_.end()) {
    failing->second.pass = pass_;
    if (failing->second.until > now) return false;
  }
  if (!at_once && (away_.until > now || Full())) return false;
  return out_.insert(key).second;
}

RelayPlan::Verdict RelayPlan::Ended(const Key& key, const absl::Status& status, Duration now) {
  out_.erase(key);
  if (status.ok()) {
    failing_.erase(key);
    away_ = {};
    return {};
  }
  Backoff& backoff = failing_[key];
  backoff.wait = IsForGood(status) ? backoff_.max : Longer(backoff.wait);
  backoff.until = now + backoff.wait;
  backoff.pass = pass_;
  Verdict verdict{.wait = backoff.wait};
  if (IsAway(status)) {
    // All that were under way fail together, and one line says so.
    verdict.tell = away_.until <= now;
    if (verdict.tell) {
      away_.wait = Longer(away_.wait);
      away_.until = now + away_.wait;
    }
  }
  return verdict;
}

void RelayPlan::PassOver() {
  std::erase_if(failing_, [this](const auto& entry) { return entry.second.pass < pass_; });
  ++pass_;
}

Duration RelayPlan::Longer(Duration before) const {
  return std::clamp(before * 2, backoff_.min, backoff_.max);
}

}  // namespace invigil::session
