// The statements of sitting_store.h, on one connection. One thread at a time.
#pragma once

#include <string>
#include <vector>

#include "common/sql/database.h"
#include "services/scoring/store/sitting_store.h"

namespace invigil::scoring {

// Inside the writer's transactions; every method may run again from the start.
class SittingWrites {
 public:
  explicit SittingWrites(sql::Database& db);
  // An earlier seal never takes the place of a later one.
  absl::Status Put(const SittingRecord& sitting);
  absl::Status Assign(const std::vector<std::string>& session_ids, const std::string& learner);
  absl::Status PutPrior(const std::string& exam_id, const PriorRecord& prior);

 private:
  sql::Statement put_, assign_, put_prior_;
};

class SittingReads {
 public:
  explicit SittingReads(sql::Database& db);
  absl::StatusOr<std::optional<SittingRecord>> Find(const std::string& session_id);
  absl::StatusOr<std::vector<SittingRecord>> List(const std::string& learner);
  absl::StatusOr<std::vector<std::string>> Learners(const std::string& exam_id,
                                                    const std::string& after, size_t limit);
  absl::StatusOr<std::optional<PriorRecord>> Prior(const std::string& exam_id);

 private:
  sql::Statement find_, list_, learners_, prior_;
};

}  // namespace invigil::scoring
