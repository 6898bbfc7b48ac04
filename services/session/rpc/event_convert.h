// EventService's messages to what the room knows, and back.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/repeated_field.h"
#include "invigil/session/v1/events.pb.h"
#include "services/session/events/webhook.h"

namespace invigil::session {

// Errors: INVALID_ARGUMENT with `reason`, naming fields.
absl::StatusOr<NoticeFilter> FilterOf(const google::protobuf::RepeatedField<int>& kinds,
                                      const std::string& exam_id, const char* reason);

// Without the secrets.
void ToProto(const Webhook& webhook, Time now, v1::Webhook* to);
void ToProto(const Undelivered& row, v1::DeadLetter* to);

}  // namespace invigil::session
