// A timeline as the wire tells it.
#pragma once

#include "invigil/session/v1/audit.pb.h"
#include "services/session/journal/timeline.h"

namespace invigil::session {

void ToProto(const TimelineEntry& from, v1::TimelineEntry* to);

}  // namespace invigil::session
