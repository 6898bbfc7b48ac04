#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "common/rpc/guard.h"
#include "invigil/session/v1/delivery.pb.h"
#include "services/session/rpc/delivery_service.h"

namespace invigil::session {

// The reactor of WatchSession; deletes itself.
grpc::ServerWriteReactor<v1::WatchSessionResponse>* WatchReactor(
    grpc::CallbackServerContext& context, const std::string& session_id, const DeliveryParts& parts,
    const rpc::Method& method);

}  // namespace invigil::session
