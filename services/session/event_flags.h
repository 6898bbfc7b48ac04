// What main needs of events/: its flags, and the deliverer as they say.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "services/session/events/deliverer.h"

namespace invigil::config {
class Flags;
}

namespace invigil::session {

struct EventSettings {
  Duration retention = std::chrono::hours(24 * 30);
  HttpPosterOptions http;
  int64_t tries = 8;
  Duration backoff = Seconds(5);
  Duration lease = Seconds(30);
};
void DeclareEventFlags(config::Flags& flags, EventSettings* settings);

// Where webhooks are kept, from main's flags --store and --data: events.db in the folder,
// FILE.events beside a file, or PostgreSQL. Error: INVALID_ARGUMENT (FLAGS_INVALID).
absl::StatusOr<std::string> WebhookLocation(const std::string& store, const std::string& data);

// Once the engine has opened `sessions`. Errors: FAILED_PRECONDITION (STORE_UNUSABLE, STORE_NEWER).
absl::StatusOr<std::unique_ptr<Deliverer>> StartDeliverer(const std::string& sessions,
                                                          const std::string& webhooks,
                                                          const EventSettings& settings,
                                                          const Clock& clock,
                                                          std::function<bool()> clock_trusted);

}  // namespace invigil::session
