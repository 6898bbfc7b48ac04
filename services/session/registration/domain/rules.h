// May this candidate start this exam at this instant? Pure: policy, registrations and past sittings
// in, every reason out.
//
// Days are calendar days of the policy's time zone; a day begins at its first instant there, which
// is not always midnight. A wait of n days after a sitting that ended on day d is over when day
// d + n begins. A cap of k sittings in n days holds on day d when fewer than k sittings started on
// the days d - n + 1 to d.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/session/registration/domain/records.h"

namespace invigil::session::registration {

// Numbers are those of the wire.
enum class Reason : uint8_t {
  kNotRegistered = 1,
  kWindowNotOpen = 2,
  kWindowClosed = 3,
  kRetakeTooEarly = 4,
  kAttemptsUsedUp = 5,
};
// "NOT_REGISTERED" and so on, as errors say.
const char* ReasonName(Reason reason);

struct Ineligible {
  Reason reason = Reason::kNotRegistered;
  std::optional<Time> earliest;  // when it falls away by itself; nullopt: never
  std::string message;           // for people
};

// A registration and how many of the candidate's sittings were begun with it.
struct Entitlement {
  Registration registration;
  uint32_t used = 0;
};

struct Verdict {
  std::vector<Ineligible> reasons;  // every one, the hardest first; empty: the start may be
  std::optional<Time> earliest;     // when all are gone if nothing else changes; nullopt: never
  // The registration that is used: the open one that closes first. Always set when the policy
  // requires one and the start may be; set too when it does not and there is one.
  std::optional<Registration> registration;
  bool eligible() const { return reasons.empty(); }
};

// `zone` is the policy's. Sittings that began after `at` are not looked at.
Verdict Judge(const ExamPolicy& policy, const absl::TimeZone& zone,
              const std::vector<Entitlement>& entitlements, const std::vector<Attempt>& attempts,
              Time at);

// The refusal of a start: FAILED_PRECONDITION with the first reason's name; as metadata when it
// falls away ("opens" for WINDOW_NOT_OPEN, else "earliest"), when all do ("start_from"), and all
// "reasons".
absl::Status Refusal(const Verdict& verdict, const absl::TimeZone& zone);

}  // namespace invigil::session::registration
