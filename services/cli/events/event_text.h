// Events and webhooks as text for a terminal. Pure.
#pragma once

#include <string>
#include <vector>

#include "invigil/session/v1/events.pb.h"

namespace invigil::cli {

// One event on one line: cursor, time (UTC), what, of which session.
std::string EventLine(const session::v1::SessionEvent& event);

// "started" and so on. Errors of the caller: SESSION_EVENT_KIND_UNSPECIFIED for no kind.
session::v1::SessionEventKind ParseEventKind(const std::string& word);

// One webhook a line, with its newest error below.
std::string WebhooksText(const std::vector<session::v1::Webhook>& webhooks);

std::string DeadLettersText(const std::vector<session::v1::DeadLetter>& letters);

}  // namespace invigil::cli
