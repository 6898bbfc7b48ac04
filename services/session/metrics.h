// The engine's numbers for Prometheus.
#pragma once

#include "services/session/engine/session_engine.h"

namespace invigil::session {

// Hooks that count batches and failures; the caller adds the others.
EngineHooks MetricsHooks();

}  // namespace invigil::session
