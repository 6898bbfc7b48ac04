// A whole bank from the suite.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/cli/api/api.h"

namespace invigil::cli {

// By ExportBank; a bank too large for one message is read page by page instead, and then `title`,
// `exam_id` and `license` are empty. Errors: NOT_FOUND (BANK_NOT_FOUND), and those of the calls.
absl::StatusOr<itembank::v1::Bank> FetchBank(Api& api, const std::string& token,
                                             const std::string& bank_id);

}  // namespace invigil::cli
