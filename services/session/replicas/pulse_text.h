// Signs of life in few bytes, from one replica to another: 8 bytes for when it was written, then 22
// a session.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "services/session/replicas/pulse.h"

namespace invigil::session {

// `signs` at the writer's monotonic `local`, which is `now` on the suite's clock.
std::string EncodePulse(const std::vector<std::pair<SessionId, Pulse::Sign>>& signs, Time now,
                        Duration local);

// The same on the reader's clocks. What is damaged is left out: it is about to be written again.
std::vector<std::pair<SessionId, Pulse::Sign>> DecodePulse(std::string_view bytes, Time now,
                                                           Duration local);

}  // namespace invigil::session
