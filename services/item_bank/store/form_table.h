// Issued forms and the pool snapshots they were drawn from, in one connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "common/sql/database.h"
#include "services/item_bank/domain/assembly.h"

namespace invigil::item_bank {

struct FormRow {
  std::string form_id;
  std::string session_id;
  std::string candidate_id;
  std::string pool_id;
  std::string exam_id;
  uint32_t exam_version = 0;
  Form form;
  Time create_time;
};

struct PoolRow {
  std::string pool_id;
  std::string exam_id;
  uint32_t exam_version = 0;
  std::vector<std::pair<std::string, uint32_t>> members;  // item id and version, in pool order
};

// The id of a snapshot: a hash of what it holds, so that every replica finds the same.
std::string PoolIdOf(const PoolRow& pool);

// One thread at a time, like its connection. Errors: those of sql::Statement.
class FormTable {
 public:
  explicit FormTable(sql::Database& db);
  absl::StatusOr<std::optional<FormRow>> ById(const std::string& form_id);
  absl::StatusOr<std::optional<FormRow>> BySession(const std::string& session_id);
  // false: the session has a form already; nothing is stored.
  absl::StatusOr<bool> Insert(const FormRow& row);
  // Whoever the session's form is for is called `candidate_id` from now on. false: it has none.
  absl::StatusOr<bool> Rename(const std::string& session_id, const std::string& candidate_id);

  absl::StatusOr<std::optional<PoolRow>> FindPool(const std::string& pool_id);
  // Stores a snapshot unless it is there.
  absl::Status PutPool(const PoolRow& pool);

 private:
  absl::StatusOr<std::optional<FormRow>> One(sql::Statement& query, const std::string& id);
  sql::Database& db_;
  sql::Statement by_id_, by_session_, insert_, rename_, find_pool_, put_pool_;
};

}  // namespace invigil::item_bank
