// What each ask does to one session of the model. Used by the model alone.
#pragma once

#include <cstdint>
#include <string>

#include "services/session/sim/model.h"

namespace invigil::session::sim {

// Brings about what time alone did by `now`; the moment that counts from here on.
int64_t JudgeTime(ModelSession& session, int64_t now);

// The reason of the refusal; empty: accepted. Time was judged before.
std::string JudgeAsk(ModelSession& session, const Ask& ask, int64_t now, Verdict& verdict);

}  // namespace invigil::session::sim
