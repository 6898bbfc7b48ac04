// Whether what a caller sends can be kept. Pure.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "services/session/registration/domain/records.h"

namespace invigil::session::registration {

// The first thing that is wrong with a row.
struct Fault {
  std::string field;  // as the proto names it
  std::string description;
};
std::optional<Fault> FindFault(const Registration& row);

// Errors, each naming every wrong field: INVALID_ARGUMENT (ACCOMMODATION_INVALID),
absl::Status CheckTerms(const Terms& terms);
// (POLICY_INVALID), which an unknown time zone is too,
absl::Status CheckPolicy(const ExamPolicy& policy);
// (REASON_MISSING).
absl::Status CheckReason(const std::string& reason);

}  // namespace invigil::session::registration
