// What the adapters of the four services share.
#pragma once

#include <google/protobuf/message_lite.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/rpc/executor.h"
#include "common/rpc/guard.h"
#include "common/rpc/unary.h"
#include "services/item_bank/store/store.h"

namespace invigil::item_bank {

// References only; everything outlives the services.
struct Context {
  Store& store;
  const Clock& clock;
  const rpc::Guard& guard;
  rpc::Executor& forms;      // starts, contents, keys, lists: short
  rpc::Executor& authoring;  // imports and exports: long; they never delay the others
};

// Runs `work` with a read connection on `executor`, then finishes the call with what it returns.
void Read(const Context& context, rpc::Executor& executor, rpc::UnaryCall* call,
          std::function<absl::Status(Connection&)> work);

// Runs `work` once for the caller's `request_id`, in one transaction with the memory of its answer;
// the same request again gets the same `response`. Finishes the call when the commit is durable.
// Errors besides those of `work`: INVALID_ARGUMENT (REQUEST_ID_INVALID, REQUEST_ID_REUSED),
// RESOURCE_EXHAUSTED (OVERLOADED).
void WriteOnce(const Context& context, rpc::UnaryCall* call, const std::string& method,
               const std::string& request_id, const google::protobuf::MessageLite& request,
               google::protobuf::MessageLite* response,
               std::function<absl::Status(Connection&)> work);

}  // namespace invigil::item_bank
