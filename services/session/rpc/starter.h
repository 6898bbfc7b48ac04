// How a session starts: reserve, get a form, then let the clock begin. Each step may be repeated,
// by any replica, after any crash: a later start goes on where the last one stopped.
#pragma once

#include <functional>
#include <memory>

#include "services/session/engine/session_engine.h"
#include "services/session/rpc/item_bank.h"

namespace invigil::session {

// Thread-safe; the engine and the item bank outlive it.
class Starter {
 public:
  Starter(SessionEngine& engine, ItemBank& item_bank, const Clock& clock)
      : engine_(engine), item_bank_(item_bank), clock_(clock) {}
  // The outcome has contents. Errors: those of SessionEngine::FindOrReserve and ItemBank, and
  // FAILED_PRECONDITION (SESSION_VOIDED) for the request id of a start that came to nothing.
  void Start(StartRequest request, Duration time_left, const telemetry::TraceContext& trace,
             std::function<void(absl::StatusOr<Outcome>)> done);

 private:
  struct Steps;
  void Reserve(const std::shared_ptr<Steps>& steps);
  // The exam takes no new starts: only a session whose clock has started is still given.
  void FindInstead(const std::shared_ptr<Steps>& steps, const absl::Status& refusal);
  void Reserved(const std::shared_ptr<Steps>& steps, const Outcome& outcome);
  void Begin(const std::shared_ptr<Steps>& steps, const SessionId& session, IssuedForm form);

  SessionEngine& engine_;
  ItemBank& item_bank_;
  const Clock& clock_;
};

}  // namespace invigil::session
