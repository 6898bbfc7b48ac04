#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>

#include "common/rpc/executor.h"
#include "common/rpc/guard.h"
#include "invigil/session/v1/events.pb.h"
#include "services/session/rpc/event_feed.h"
#include "services/session/rpc/event_service.h"

namespace invigil::session {

// What the service and its streams share; a stream may outlive the service by a moment.
struct EventShared {
  EventFeed feed;
  std::unique_ptr<WebhookStore> webhooks;
  std::atomic<int> streams{0};
  rpc::Executor executor;  // last: its work uses the above. One thread: neither store takes two
};

// The reactor of StreamEvents; deletes itself.
grpc::ServerWriteReactor<v1::StreamEventsResponse>* EventStreamReactor(
    grpc::CallbackServerContext& context, const v1::StreamEventsRequest& request,
    const EventParts& parts, std::shared_ptr<EventShared> shared, const rpc::Method& method);

}  // namespace invigil::session
