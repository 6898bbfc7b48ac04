// Published exam definitions in one connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"
#include "services/item_bank/domain/exam.h"

namespace invigil::item_bank {

// One thread at a time, like its connection. Errors: those of sql::Statement.
class ExamTable {
 public:
  explicit ExamTable(sql::Database& db);
  // `version` 0: the newest.
  absl::StatusOr<std::optional<Exam>> Find(const std::string& exam_id, uint32_t version = 0);
  // Newest versions after `after` by id, at most `limit`.
  absl::StatusOr<std::vector<Exam>> Page(const std::string& after, int limit);
  absl::Status Insert(const Exam& exam);

 private:
  sql::Statement find_, find_newest_, page_, insert_;
};

}  // namespace invigil::item_bank
