// EventService: the outbox as a stream and in pages, and webhooks. What it reads and writes it does
// on a thread and on connections of its own, so that nothing a candidate needs waits for it.
#pragma once

#include <functional>
#include <memory>

#include "common/base/clock.h"
#include "services/session/events/address_rule.h"
#include "services/session/events/notice_reader.h"
#include "services/session/events/webhook_store.h"

namespace grpc {
class Service;
}
namespace invigil::rpc {
class Guard;
}

namespace invigil::session {

class Ticker;

// `guard`, `ticker` and `clock` outlive the service.
struct EventParts {
  const rpc::Guard& guard;
  Ticker& ticker;
  const Clock& clock;  // the suite's
  AddressRule rule{};
  // A webhook was changed.
  std::function<void()> on_change{};
  Duration look_every = Millis(200);
  Duration heartbeat = Seconds(10);
  int max_streams = 64;
};

std::shared_ptr<grpc::Service> MakeEventService(const EventParts& parts,
                                                std::unique_ptr<NoticeReader> reader,
                                                std::unique_ptr<WebhookStore> webhooks);

}  // namespace invigil::session
