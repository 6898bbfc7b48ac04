// The one place where statuses change their type.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace invigil::rpc {

// With details, as grpc-status-details-bin carries them.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace invigil::rpc
