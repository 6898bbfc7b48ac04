// Pool snapshots in memory: the current one of each exam, and those of older forms.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "services/item_bank/domain/pool.h"
#include "services/item_bank/store/connection.h"

namespace invigil::item_bank {

// A pool under the id its forms name it by. Immutable but for `stored`.
struct StoredPool {
  StoredPool(PoolRow row_in, Pool pool_in) : row(std::move(row_in)), pool(std::move(pool_in)) {}
  const PoolRow row;
  const Pool pool;
  std::atomic<bool> stored{false};  // whether the snapshot is known to be in the database
};

// Why sessions of a pool's exam can't start, in one sentence; empty: they can.
std::string UnavailableReason(const StoredPool& pool);

// Thread-safe. A change made by another process shows at once: every use reads the store's content
// revision (one row).
class PoolCache {
 public:
  explicit PoolCache(std::string secret) : secret_(std::move(secret)) {}

  // Of the exam's newest version and the newest versions of its bank's items.
  // Errors: NOT_FOUND (EXAM_NOT_FOUND), those of sql::Statement.
  absl::StatusOr<std::shared_ptr<StoredPool>> Current(Connection& db, const std::string& exam_id);
  // Of an issued form. Errors: INTERNAL when the store lacks it, those of sql::Statement.
  absl::StatusOr<std::shared_ptr<StoredPool>> ById(Connection& db, const std::string& pool_id);

 private:
  static constexpr size_t kKept = 32;  // about half a megabyte each

  absl::StatusOr<std::shared_ptr<StoredPool>> BuildOfOneMoment(Connection& db,
                                                               const std::string& exam_id);
  absl::StatusOr<std::shared_ptr<StoredPool>> Build(Connection& db, const std::string& exam_id);
  absl::StatusOr<std::shared_ptr<StoredPool>> Load(Connection& db, const std::string& pool_id);
  std::shared_ptr<StoredPool> Keep(std::shared_ptr<StoredPool> pool);
  Pool::Member MemberOf(Item item) const;

  const std::string secret_;
  std::mutex mutex_;
  struct Newest {
    int64_t revision = -1;
    std::shared_ptr<StoredPool> pool;
  };
  std::map<std::string, Newest> current_;        // by exam
  std::list<std::shared_ptr<StoredPool>> kept_;  // used last comes first
};

}  // namespace invigil::item_bank
