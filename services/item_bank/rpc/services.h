// The item bank's four services with what they run on.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/auth/token.h"
#include "common/base/clock.h"
#include "services/item_bank/store/store.h"

namespace grpc {
class Service;
}

namespace invigil::item_bank {

// Register `all()` with a server; destroy after the server, before the store.
class Services {
 public:
  // Threads that read at the same time (and one for readiness): what Store::Open must be told.
  static constexpr int kReaders = 4;

  // The arguments outlive the result. Errors: FAILED_PRECONDITION (POLICY_MISSING).
  static absl::StatusOr<std::unique_ptr<Services>> Create(Store& store, const Clock& clock,
                                                          auth::TokenVerifier& verifier);
  virtual ~Services() = default;
  virtual std::vector<grpc::Service*> all() = 0;
  // Whether the database answers. Waits for it; not for reactions.
  virtual absl::Status Ready() = 0;
};

}  // namespace invigil::item_bank
