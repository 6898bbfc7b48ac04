#include "services/session/store/event_log.h"

#include "services/session/store/codec.h"

namespace invigil::session {

absl::Status EventLogReader::ReadLog(const SessionId& session, EventLog::Visitor visit) {
  return ReadEvents(session, [&](uint64_t seq, Time at, std::string_view body) {
    const auto event = DecodeEvent(body);
    return event.ok() ? visit(seq, at, *event) : event.status();
  });
}

}  // namespace invigil::session
