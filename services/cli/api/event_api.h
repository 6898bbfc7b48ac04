// Events and webhooks as a command sees them: the part of the suite's interface (api.h) that only
// `invigil events` uses.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "invigil/session/v1/events.pb.h"
#include "services/cli/api/stopper.h"

namespace invigil::cli {

// As Api. A suite that tells nobody, such as the one in memory, answers UNIMPLEMENTED.
class EventApi {
 public:
  virtual ~EventApi() = default;

  virtual absl::StatusOr<session::v1::ListEventsResponse> ListEvents(
      const session::v1::ListEventsRequest&, const std::string&) {
    return NoEvents();
  }
  virtual absl::StatusOr<session::v1::CreateWebhookResponse> CreateWebhook(
      const session::v1::CreateWebhookRequest&, const std::string&) {
    return NoEvents();
  }
  virtual absl::StatusOr<session::v1::GetWebhookResponse> GetWebhook(
      const session::v1::GetWebhookRequest&, const std::string&) {
    return NoEvents();
  }
  virtual absl::StatusOr<session::v1::ListWebhooksResponse> ListWebhooks(
      const session::v1::ListWebhooksRequest&, const std::string&) {
    return NoEvents();
  }
  virtual absl::StatusOr<session::v1::DeleteWebhookResponse> DeleteWebhook(
      const session::v1::DeleteWebhookRequest&, const std::string&) {
    return NoEvents();
  }
  virtual absl::StatusOr<session::v1::RotateWebhookSecretResponse> RotateWebhookSecret(
      const session::v1::RotateWebhookSecretRequest&, const std::string&) {
    return NoEvents();
  }
  virtual absl::StatusOr<session::v1::ListDeadLettersResponse> ListDeadLetters(
      const session::v1::ListDeadLettersRequest&, const std::string&) {
    return NoEvents();
  }
  virtual absl::StatusOr<session::v1::ReplayWebhookResponse> ReplayWebhook(
      const session::v1::ReplayWebhookRequest&, const std::string&) {
    return NoEvents();
  }
  // Calls `on_message` for every message until the stream ends or the stopper stops.
  virtual absl::Status StreamEvents(
      const session::v1::StreamEventsRequest&, const std::string&, Stopper&,
      const std::function<void(const session::v1::StreamEventsResponse&)>&) {
    return NoEvents();
  }

 private:
  static absl::Status NoEvents() { return absl::UnimplementedError("this suite tells no events"); }
};

}  // namespace invigil::cli
