// Adds remarks to the journal through a connection of the face, for what is changed apart from the
// engine's writer.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "common/sql/database.h"
#include "services/session/store/remark.h"

namespace invigil::session::privacy {

// One thread at a time, like its connection, which outlives it.
class JournalPen {
 public:
  explicit JournalPen(sql::Database& db);
  // As the last thing a transaction does: whoever else adds to the journal waits for its end.
  // Errors: those of sql::Statement::Step, DATA_LOSS (LOG_CORRUPT).
  absl::Status Append(const std::vector<Remark>& remarks);

 private:
  sql::Statement take_head_, read_head_, write_head_, write_row_, write_remark_;
};

}  // namespace invigil::session::privacy
