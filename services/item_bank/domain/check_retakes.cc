#include <string>

#include "common/base/time_zone_name.h"
#include "services/item_bank/domain/check.h"
#include "services/item_bank/domain/exam.h"

namespace invigil::item_bank {
namespace {

constexpr uint32_t kMaxWaitDays = 3650;
constexpr uint32_t kMaxAttempts = 1000;
constexpr size_t kMaxEntries = 10;  // of waits and of caps

}  // namespace

void CheckRetakes(const Exam& exam, Findings& findings) {
  const auto say = [&](std::string field, std::string description) {
    findings.push_back({"", -1, std::move(field), std::move(description), true});
  };
  if (exam.retake_wait_days > kMaxWaitDays) say("retake_wait_days", "must be at most 3650");
  if (!exam.retake_policy) return;
  const RetakePolicy& policy = *exam.retake_policy;
  const std::string path = "retake_policy.";
  if (exam.retake_wait_days != 0) {
    say("retake_wait_days", "must be left out: retake_policy.wait_days says it");
  }
  if (!IsTimeZoneName(policy.time_zone)) {
    say(path + "time_zone", "must be UTC or an IANA name such as America/New_York");
  }
  if (policy.wait_days.size() > kMaxEntries) {
    say(path + "wait_days",
        "must be at most 10 entries; the last one holds for all later attempts");
  }
  for (size_t i = 0; i < policy.wait_days.size(); ++i) {
    if (policy.wait_days[i] <= kMaxWaitDays) continue;
    say(path + "wait_days[" + std::to_string(i) + "]", "must be at most 3650");
  }
  if (policy.wait_days_after_pass.value_or(0) > kMaxWaitDays) {
    say(path + "wait_days_after_pass", "must be at most 3650");
  }
  if (policy.caps.size() > kMaxEntries) say(path + "caps", "must be at most 10");
  for (size_t i = 0; i < policy.caps.size(); ++i) {
    const AttemptCap& cap = policy.caps[i];
    const std::string at = path + "caps[" + std::to_string(i) + "].";
    if (cap.max_attempts == 0 || cap.max_attempts > kMaxAttempts) {
      say(at + "max_attempts", "must be from 1 to 1000");
    }
    if (cap.window_days == 0 || cap.window_days > kMaxWaitDays) {
      say(at + "window_days", "must be from 1 to 3650");
    }
  }
}

}  // namespace invigil::item_bank
