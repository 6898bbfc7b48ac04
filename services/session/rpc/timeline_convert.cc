#include "services/session/rpc/timeline_convert.h"

#include "services/session/rpc/convert.h"

namespace invigil::session {

void ToProto(const TimelineEntry& from, v1::TimelineEntry* to) {
  to->set_sequence(from.seq);
  Set(from.written_at, to->mutable_write_time());
  Set(from.happened_at, to->mutable_event_time());
  to->set_kind(from.kind);
  to->set_actor(from.actor);
  to->set_text(from.text);
  if (from.due) Set(*from.due, to->mutable_due_time());
}

}  // namespace invigil::session
