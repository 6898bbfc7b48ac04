// What authors do, each inside the transaction of the connection it is given.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/item_bank/domain/exam.h"
#include "services/item_bank/domain/finding.h"
#include "services/item_bank/domain/item.h"
#include "services/item_bank/store/connection.h"

namespace invigil::item_bank {

// Stores the first version of an item. Errors: ALREADY_EXISTS (ITEM_EXISTS), INVALID_ARGUMENT
// (ITEM_INVALID with every field).
absl::StatusOr<Item> CreateItem(Connection& db, Item item, Time now);

// Stores the next version. Errors: NOT_FOUND (ITEM_NOT_FOUND), ABORTED (ITEM_VERSION_CONFLICT),
// INVALID_ARGUMENT (ITEM_INVALID).
absl::StatusOr<Item> CreateItemVersion(Connection& db, Item item, uint32_t base_version, Time now);

struct ImportResult {
  int created = 0;
  int updated = 0;
  int unchanged = 0;
  Findings findings;
};
// Imports a bank, or with `validate_only` says what an import would do and find (then a read-only
// connection suffices). Error: INVALID_ARGUMENT (BANK_INVALID), not under `validate_only`.
absl::StatusOr<ImportResult> ImportBank(Connection& db, Bank bank, bool validate_only, Time now);

// Publishes a definition; one equal to the newest version stays that version. Error:
// INVALID_ARGUMENT (EXAM_INVALID).
absl::StatusOr<Exam> PublishExam(Connection& db, Exam exam, Time now);

}  // namespace invigil::item_bank
