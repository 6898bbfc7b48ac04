#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "common/rpc/guard.h"
#include "invigil/session/v1/delivery.pb.h"
#include "services/session/rpc/delivery_service.h"

namespace invigil::session {

// The reactor of Deliver; deletes itself.
grpc::ServerBidiReactor<v1::DeliverRequest, v1::DeliverResponse>* DeliverReactor(
    grpc::CallbackServerContext& context, const DeliveryParts& parts, const rpc::Method& method);

}  // namespace invigil::session
