// What a candidate sat of an exam, read from the sessions' own store.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sql/database.h"
#include "services/session/registration/domain/records.h"

namespace invigil::session::registration {

// One connection for reading, of its own: never waits for those who write sessions. One thread at a
// time. Whatever was committed before a call is seen by it.
class AttemptReader {
 public:
  // On a store that the session engine has opened before. `schema`: on PostgreSQL, the sessions'.
  // Errors: FAILED_PRECONDITION (STORE_UNUSABLE).
  static absl::StatusOr<std::unique_ptr<AttemptReader>> Open(const std::string& location,
                                                             const std::string& schema);
  // Every session that a start of the candidate was answered with, live and voided ones too, in no
  // order. Sessions are found by their starts, so a start must be kept as long as it should count.
  // One that is over by the clock has ended by `now`, written or not. A result that is held back is
  // no result: what a refusal says must not give it away. Errors: DATA_LOSS (LOG_CORRUPT) and those
  // of sql::Statement::Step.
  absl::StatusOr<std::vector<Attempt>> Of(std::string_view candidate_id, std::string_view exam_id,
                                          Time now);

 private:
  explicit AttemptReader(sql::Database db);
  absl::StatusOr<Attempt> Read(const std::string& session_id, Time now);

  sql::Database db_;
  sql::Statement sessions_, events_;
};

}  // namespace invigil::session::registration
