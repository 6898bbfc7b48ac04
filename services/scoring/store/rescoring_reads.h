// The reads of rescoring_store.h, on one read connection. One thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/sql/database.h"
#include "services/scoring/store/rescoring_store.h"

namespace invigil::scoring {

// See RescoringStore for what each method gives.
class RescoringReads {
 public:
  explicit RescoringReads(sql::Database& db);
  absl::StatusOr<uint32_t> LastRevision(const std::string& exam_id);
  absl::StatusOr<std::vector<RevisionRecord>> ListRevisions(const std::string& exam_id);
  absl::StatusOr<std::optional<std::string>> FindKey(const std::string& form_id);
  absl::StatusOr<std::optional<std::string>> FindKeyPart(std::string_view hash);
  absl::StatusOr<RescoringRecord> Get(const std::string& rescoring_id);
  absl::StatusOr<std::vector<RescoringRecord>> List(const std::string& exam_id,
                                                    const std::string& before, size_t limit);
  absl::StatusOr<std::vector<RescoringRecord>> ListUnfinished();
  absl::StatusOr<std::vector<ActRecord>> ListActs(const std::string& rescoring_id);
  absl::StatusOr<RescoringStore::Page> ListScored(const std::string& exam_id, int64_t from_epoch,
                                                  int64_t until_epoch, const std::string& after,
                                                  size_t limit);
  absl::StatusOr<std::vector<ChangeRecord>> ListChanges(const std::string& rescoring_id,
                                                        const RescoringStore::ChangeFilter& filter,
                                                        const std::string& after, size_t limit);
  absl::StatusOr<std::vector<AmendmentRecord>> ListAmendments(uint64_t after, size_t limit);

 private:
  sql::Statement last_revision_, revisions_, key_, part_, get_, list_, list_exam_, unfinished_,
      acts_, scored_, changes_, shown_, amendments_;
};

}  // namespace invigil::scoring
