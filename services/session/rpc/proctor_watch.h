#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>

#include "common/rpc/executor.h"
#include "common/rpc/guard.h"
#include "invigil/session/v1/proctor.pb.h"
#include "services/session/rpc/proctor_service.h"

namespace invigil::session {

// The reactor of WatchRoster; deletes itself. Lists on `executor`.
grpc::ServerWriteReactor<v1::WatchRosterResponse>* RosterWatchReactor(
    grpc::CallbackServerContext& context, const v1::WatchRosterRequest& request,
    const ProctorParts& parts, std::shared_ptr<rpc::Executor> executor, const rpc::Method& method);

}  // namespace invigil::session
