// The score store on an SQLite file or on PostgreSQL: one writer thread, a few read connections.
#pragma once

#include <memory>
#include <string>

#include "services/scoring/store/rescoring_store.h"
#include "services/scoring/store/score_store.h"
#include "services/scoring/store/sitting_store.h"

namespace invigil::scoring {

struct SqlStoreOptions {
  std::string location;                    // as sql::Database::Open takes it
  std::string schema = "invigil_scoring";  // that holds the tables on PostgreSQL
  int readers = 2;                         // read connections; more callers at once wait for one
  size_t queue_capacity = 8192;            // writes that may wait
  size_t batch_size = 128;                 // writes in one transaction
};

// One database, all faces.
class ScoringStore : public ScoreStore, public RescoringStore, public SittingStore {};

// Errors: FAILED_PRECONDITION (STORE_UNUSABLE, STORE_NEWER) with the location and what to do. Its
// destructor writes what waits.
absl::StatusOr<std::unique_ptr<ScoringStore>> OpenSqlScoreStore(const SqlStoreOptions& options);

}  // namespace invigil::scoring
