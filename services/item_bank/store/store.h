// The item bank's database: a writer, readers and what is kept in memory.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/item_bank/store/pool_cache.h"
#include "services/item_bank/store/readers.h"
#include "services/item_bank/store/writer.h"

namespace invigil::item_bank {

// Thread-safe. Its parts live as long as it does; destroying it finishes queued writes.
class Store {
 public:
  // Opens the database at `location` (see sql::Database::Open), makes it when absent and brings its
  // tables up to date. `readers`: threads that read at the same time. `schema`: what holds the
  // tables on PostgreSQL. Errors: FAILED_PRECONDITION (STORE_UNUSABLE, STORE_NEWER).
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& location, int readers,
                                                     const std::string& schema = kSchema);
  static constexpr char kSchema[] = "invigil_item_bank";

  Writer& writer() { return *writer_; }
  Readers& readers() { return *readers_; }
  PoolCache& pools() { return *pools_; }
  // Made at the first start and kept in the database: what opaque ids are derived from.
  const std::string& secret() const { return secret_; }

 private:
  std::string secret_;
  std::unique_ptr<PoolCache> pools_;
  std::unique_ptr<Readers> readers_;
  std::unique_ptr<Writer> writer_;  // last: its jobs may use the others
};

}  // namespace invigil::item_bank
