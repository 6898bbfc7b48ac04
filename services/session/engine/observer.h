// Who wants to hear of every session this replica works on: the roster of the proctors.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "services/session/domain/session.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

// Called on the engine's threads, one call of each kind at a time: must be quick and not block.
class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  // The candidate did something, or has a stream open; the session takes part in no decision.
  // `unsaved`: how many changes their device holds that were not acknowledged; nullopt: not said.
  virtual void OnAlive(const SessionId& session, std::optional<uint32_t> unsaved) = 0;
  // After a commit that changed what a roster shows of it (state, part, break, times, messages,
  // reports, check-in, whose it is), by this replica or, when this one comes to know of it, by
  // another. Responses, flags and times on an item are none of that.
  virtual void OnChanged(const SessionId& session, const std::shared_ptr<const State>& state) = 0;
};

}  // namespace invigil::session
