// How the process joins privacy and the journal's remarks to the engine.
#pragma once

#include <functional>

#include "common/config/flags.h"
#include "services/session/engine/session_engine.h"
#include "services/session/privacy/housekeeper.h"
#include "services/session/privacy/keeper.h"
#include "services/session/rpc/denials.h"

namespace invigil::session {

// The flags --keep-...
void DeclareRetentionFlags(config::Flags& flags, privacy::Policy* policy);

// All of these: `engine` outlives what they give.
// Into the journal, soon, and never in the way: what finds no room stays an audit line, and counts.
Denials::Write RemarkThrough(SessionEngine& engine);
// The same, and waits until it is durable: for what may only be done with a row. Errors: of the
// engine, which took none.
std::function<absl::Status(Remark)> RemarkAtOnce(SessionEngine& engine);
// This process's memory forgets what it knew of a session, soon.
std::function<void(const SessionId&)> ReloadThrough(SessionEngine& engine);
// The same, and waits for it: whoever is told that a candidate was erased finds it so.
std::function<void(const SessionId&)> ReloadAtOnce(SessionEngine& engine);
privacy::Housekeeper::Hooks HousekeepingHooks(SessionEngine& engine);

}  // namespace invigil::session
