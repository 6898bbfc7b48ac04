// The item bank as measurement sees it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "invigil/itembank/v1/statistics.pb.h"

namespace invigil::scoring {

// Thread-safe. Every method waits for the item bank, some seconds at most: call them on the
// worker's thread. Errors: the item bank's own, and UNAVAILABLE (ITEM_BANK_UNAVAILABLE).
class StatisticsBank {
 public:
  virtual ~StatisticsBank() = default;
  virtual absl::StatusOr<itembank::v1::ListItemStatisticsResponse> List(
      const std::string& exam_id) = 0;
  virtual absl::StatusOr<itembank::v1::ReviseItemsResponse> Revise(
      const itembank::v1::ReviseItemsRequest& request) = 0;
  virtual absl::StatusOr<itembank::v1::SetStandardResponse> SetStandard(
      const itembank::v1::SetStandardRequest& request) = 0;
};

}  // namespace invigil::scoring
