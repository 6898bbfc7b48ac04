// Read connections, one per thread that reads at the same time.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "services/item_bank/store/connection.h"

namespace invigil::item_bank {

// Thread-safe. Outlives its leases.
class Readers {
 public:
  // Opens `count` read-only connections. Errors: those of sql::Database::Open.
  static absl::StatusOr<std::unique_ptr<Readers>> Open(const std::string& location, int count,
                                                       const std::string& schema);

  // A connection on loan; gives it back when it goes out of scope.
  class Lease {
   public:
    Lease(Readers& readers, std::unique_ptr<Connection> connection)
        : readers_(readers), connection_(std::move(connection)) {}
    ~Lease() { readers_.Return(std::move(connection_)); }
    Lease(const Lease&) = delete;
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }

   private:
    Readers& readers_;
    std::unique_ptr<Connection> connection_;
  };
  // Waits when all are on loan: with one per thread that never happens.
  Lease Take();

 private:
  void Return(std::unique_ptr<Connection> connection);
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace invigil::item_bank
