// What the scoring service reads of an exam's items, and writes when people have accepted what it
// computed: each inside the transaction of the connection it is given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/item_bank/domain/exam.h"
#include "services/item_bank/domain/item.h"
#include "services/item_bank/store/connection.h"

namespace invigil::item_bank {

// An item's newest version, and the earliest one with the same question and key.
struct ItemHistory {
  Item newest;
  uint32_t same_content_since = 0;
};
// Every item of a bank, by item id.
absl::StatusOr<std::vector<ItemHistory>> ListHistories(Connection& db, const std::string& bank_id);

struct ItemRevision {
  std::string item_id;
  uint32_t same_content_since = 0;
  std::optional<IrtParameters> irt;  // none: they stay
  bool promote = false;
};
struct RevisionCounts {
  uint32_t revised = 0, unchanged = 0;
};
// Gives each item its next version, all or none. Errors: NOT_FOUND (ITEM_NOT_FOUND), ABORTED
// (ITEM_VERSION_CONFLICT: the question changed since), FAILED_PRECONDITION (ITEM_NOT_PRETEST:
// neither pretest nor operational), INVALID_ARGUMENT (ITEM_INVALID: parameters out of range).
absl::StatusOr<RevisionCounts> ReviseItems(Connection& db,
                                           const std::vector<ItemRevision>& revisions, Time now);

struct CutScore {
  std::string exam_id, method, standard_setting_id;
  double base_cut_raw = 0, standard_error = 0;
};
// Publishes the newest definition with another cut on the same base form. Errors: NOT_FOUND
// (EXAM_NOT_FOUND), FAILED_PRECONDITION (EXAM_WITHOUT_STANDARD), INVALID_ARGUMENT (EXAM_INVALID).
absl::StatusOr<Exam> SetStandard(Connection& db, const CutScore& cut, Time now);

}  // namespace invigil::item_bank
