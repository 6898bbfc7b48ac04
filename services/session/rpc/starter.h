// How a session starts: ask whether it may, reserve, get a form, then let the clock begin. Each
// step may be repeated, by any replica, after any crash: a later start goes on where the last one
// stopped.
#pragma once

#include <functional>
#include <memory>

#include "services/session/engine/session_engine.h"
#include "services/session/registration/admissions.h"
#include "services/session/rpc/item_bank.h"

namespace invigil::session {

// Thread-safe; the engine, the item bank and the admissions outlive it.
class Starter {
 public:
  // Without `admissions` whoever asks may start.
  Starter(SessionEngine& engine, ItemBank& item_bank, const Clock& clock,
          registration::Admissions* admissions = nullptr)
      : engine_(engine), item_bank_(item_bank), clock_(clock), admissions_(admissions) {}
  // The outcome has contents. A session whose clock has started is given back to its candidate,
  // whatever the item bank and registration say. Errors: those of SessionEngine::FindOrReserve,
  // SessionEngine::StartClock (CHECK_IN_REQUIRED, WINDOW_CLOSED), ItemBank and Admissions, and
  // FAILED_PRECONDITION (SESSION_VOIDED) for the request id of a start that came to nothing.
  void Start(StartRequest request, Duration time_left, const telemetry::TraceContext& trace,
             std::function<void(absl::StatusOr<Outcome>)> done);

 private:
  struct Steps;
  void Admit(const std::shared_ptr<Steps>& steps);
  void Reserve(const std::shared_ptr<Steps>& steps);
  // No new start is taken: only a session whose clock has started is still given, by this start or
  // by another that was faster. `give_up`: one that is only reserved goes.
  void FindInstead(const std::shared_ptr<Steps>& steps, const absl::Status& refusal, bool give_up);
  void Reserved(const std::shared_ptr<Steps>& steps, const Outcome& outcome);
  void Confirm(const std::shared_ptr<Steps>& steps, const Outcome& outcome);
  void IssueForm(const std::shared_ptr<Steps>& steps, const Outcome& outcome);
  // This reservation can't begin; it must not stand in the way of the next. Unless another start of
  // it was luckier meanwhile.
  void GiveUp(const SessionId& session, const std::string& reason);
  void Begin(const std::shared_ptr<Steps>& steps, const SessionId& session, IssuedForm form);

  SessionEngine& engine_;
  ItemBank& item_bank_;
  const Clock& clock_;
  registration::Admissions* const admissions_;
};

}  // namespace invigil::session
