// What registration knows: who may sit what, what an exam's starts are held to, and what was sat.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "services/session/domain/plan.h"

namespace invigil::session::registration {

// Numbers are those of the wire and of the store; they never change.
enum class WindowPolicy : uint8_t {
  kAsExam = 0,       // as the exam's definition says, which comes with the form
  kLimitsStart = 1,  // who starts in the last second has the whole time
  kLimitsEnd = 2,    // whatever is left when the window closes is lost
};

// More time.
struct Terms {
  uint32_t time_percent = 100;  // of the exam's time and of each section's own
  uint32_t extra_minutes = 0;   // after that
  uint32_t break_minutes = 0;   // of breaks in which the clock stands still
  bool none() const { return time_percent == 100 && extra_minutes == 0 && break_minutes == 0; }
  friend bool operator==(const Terms&, const Terms&) = default;
};
inline constexpr uint32_t kMaxTimePercent = 400;
inline constexpr uint32_t kMaxExtraMinutes = 480;
inline constexpr uint32_t kMaxBreakMinutes = 240;

// Of every sitting of a candidate, practice too.
struct Standing {
  std::string candidate_id;
  Terms terms;
  std::optional<Time> expires;
  std::string reason;
  friend bool operator==(const Standing&, const Standing&) = default;
};

struct Registration {
  std::string registration_id;
  std::string candidate_id;
  std::string exam_id;
  std::optional<Time> opens;   // first instant of the window; nullopt: it has always been open
  std::optional<Time> closes;  // first instant after it; nullopt: it never closes
  uint32_t max_attempts = 1;
  Terms terms;  // for its sittings only
  bool cancelled = false;
  std::string cancel_reason;
  Time updated{};
  friend bool operator==(const Registration&, const Registration&) = default;
};
inline constexpr size_t kMaxIdLength = 64;
inline constexpr size_t kMaxCandidateLength = 256;
inline constexpr size_t kMaxReasonLength = 500;
inline constexpr uint32_t kMaxAttemptsOfOne = 100;

// At most so many sittings in any so many calendar days, the day of the start included; 0: ever.
struct Cap {
  uint32_t attempts = 1;
  uint32_t days = 0;
  friend bool operator==(const Cap&, const Cap&) = default;
};
inline constexpr uint32_t kMaxDays = 36'500;
inline constexpr uint32_t kMaxCapAttempts = 1000;
inline constexpr size_t kMaxCaps = 10;

// Of one exam. What it says by default asks for nothing.
struct ExamPolicy {
  std::string exam_id;
  bool registration_required = false;
  WindowPolicy window_policy = WindowPolicy::kAsExam;
  uint32_t wait_days_after_fail = 0;
  uint32_t wait_days_after_pass = 0;
  std::vector<Cap> caps;
  std::string time_zone = "UTC";  // where calendar days begin
  bool retake_rules() const {
    return wait_days_after_fail > 0 || wait_days_after_pass > 0 || !caps.empty();
  }
  friend bool operator==(const ExamPolicy&, const ExamPolicy&) = default;
};

// A session of the candidate and exam, as the session store has it.
struct Attempt {
  std::string session_id;  // 16 bytes
  SessionKind kind = SessionKind::kExam;
  bool voided = false;
  std::optional<Time> started;
  std::optional<Time> ended;
  std::optional<bool> passed;  // nullopt: no result yet
  // Practice, diagnostics, what was voided and what never began count for nothing.
  bool counts() const { return kind == SessionKind::kExam && !voided && started.has_value(); }
};

}  // namespace invigil::session::registration
