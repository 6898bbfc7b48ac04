#include "services/session/registration/domain/check.h"

#include <vector>

#include "absl/time/time.h"
#include "common/base/time_zone_name.h"
#include "common/error/error.h"
#include "services/session/domain/text.h"

namespace invigil::session::registration {
namespace {

std::string Characters(size_t max) {
  return "must have 1 to " + std::to_string(max) + " bytes of UTF-8";
}

void FindFaults(const Terms& terms, const std::string& prefix, std::vector<Fault>& faults) {
  if (terms.time_percent < 100 || terms.time_percent > kMaxTimePercent) {
    faults.push_back({prefix + "time_percent", "must be 100 to 400; 150 is one and a half times"});
  }
  if (terms.extra_minutes > kMaxExtraMinutes) {
    faults.push_back({prefix + "extra_minutes", "must be 0 to 480"});
  }
  if (terms.break_minutes > kMaxBreakMinutes) {
    faults.push_back({prefix + "break_minutes", "must be 0 to 240"});
  }
}

absl::Status AsStatus(Error error, const std::vector<Fault>& faults) {
  if (faults.empty()) return absl::OkStatus();
  for (const Fault& fault : faults) error.Field(fault.field, fault.description);
  return error;
}

}  // namespace

std::optional<Fault> FindFault(const Registration& row) {
  if (!IsText(row.registration_id, kMaxIdLength)) {
    return Fault{"registration_id", Characters(kMaxIdLength)};
  }
  if (!IsText(row.candidate_id, kMaxCandidateLength)) {
    return Fault{"candidate_id", Characters(kMaxCandidateLength)};
  }
  if (!IsText(row.exam_id, kMaxIdLength)) return Fault{"exam_id", Characters(kMaxIdLength)};
  if (row.opens && row.closes && *row.closes <= *row.opens) {
    return Fault{"close_time", "must be after open_time"};
  }
  if (row.max_attempts < 1 || row.max_attempts > kMaxAttemptsOfOne) {
    return Fault{"max_attempts", "must be 1 to 100"};
  }
  std::vector<Fault> faults;
  FindFaults(row.terms, "accommodation.", faults);
  if (!faults.empty()) return faults.front();
  return std::nullopt;
}

absl::Status CheckTerms(const Terms& terms) {
  std::vector<Fault> faults;
  FindFaults(terms, "terms.", faults);
  return AsStatus(InvalidArgument("ACCOMMODATION_INVALID", "nothing was set; see the fields"),
                  faults);
}

absl::Status CheckPolicy(const ExamPolicy& policy) {
  std::vector<Fault> faults;
  const auto days = [&](uint32_t value, const std::string& field) {
    if (value > kMaxDays) faults.push_back({field, "must be 0 to 36500"});
  };
  if (!IsText(policy.exam_id, kMaxIdLength)) {
    faults.push_back({"policy.exam_id", Characters(kMaxIdLength)});
  }
  if (policy.window_policy != WindowPolicy::kAsExam &&
      policy.window_policy != WindowPolicy::kLimitsStart &&
      policy.window_policy != WindowPolicy::kLimitsEnd) {
    faults.push_back({"policy.window_policy", "is none this program knows"});
  }
  days(policy.wait_days_after_fail, "policy.wait_days_after_fail");
  days(policy.wait_days_after_pass, "policy.wait_days_after_pass");
  if (policy.caps.size() > kMaxCaps) faults.push_back({"policy.caps", "must be at most 10"});
  for (size_t i = 0; i < policy.caps.size() && i < kMaxCaps; ++i) {
    const std::string path = "policy.caps[" + std::to_string(i) + "].";
    if (policy.caps[i].attempts < 1 || policy.caps[i].attempts > kMaxCapAttempts) {
      faults.push_back({path + "max_attempts", "must be 1 to 1000"});
    }
    days(policy.caps[i].days, path + "days");
  }
  // What the database would take besides, as "localtime", is another zone on the next machine.
  absl::TimeZone zone;
  if (!IsTimeZoneName(policy.time_zone) || !absl::LoadTimeZone(policy.time_zone, &zone)) {
    faults.push_back({"policy.time_zone",
                      "must be UTC or an IANA name that this machine knows, as Europe/Berlin"});
  }
  return AsStatus(InvalidArgument("POLICY_INVALID", "nothing was set; see the fields"), faults);
}

absl::Status CheckReason(const std::string& reason) {
  if (IsText(reason, kMaxReasonLength)) return absl::OkStatus();
  return InvalidArgument("REASON_MISSING", "say why, for the audit")
      .Field("reason", Characters(kMaxReasonLength));
}

}  // namespace invigil::session::registration
