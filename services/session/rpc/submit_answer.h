// How a sealed session is told of its result. Internal to delivery_service.cc.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "common/error/error.h"
#include "common/rpc/unary.h"
#include "invigil/session/v1/delivery.pb.h"
#include "services/session/engine/session_engine.h"
#include "services/session/relay/relay.h"
#include "services/session/rpc/convert.h"
#include "services/session/rpc/ticker.h"

namespace invigil::session {

// Errors: those of GetScoreReport.
inline absl::Status ReadReport(const State& state, v1::GetScoreReportResponse* report) {
  if (state.state == SessionState::kVoided)
    return FailedPrecondition("SESSION_VOIDED", "this session does not count; there is no report");
  if (!state.sealed())
    return FailedPrecondition("SESSION_NOT_SEALED",
                              "the session is not over: submit it, or wait for its deadline");
  if (state.state == SessionState::kScored)
    return FailedPrecondition("SCORE_HELD", "the session is scored; its result is held back");
  if (!state.report || state.state != SessionState::kReleased)
    return Unavailable("SCORE_PENDING", "the score is on its way; ask again");
  return report->ParseFromString(*state.report)
             ? absl::OkStatus()
             : Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT",
                     "the report can't be read; tell the operators")
                   .Build();
}

// Answers a submit when the report is released, or after the wait without it. One answer, whichever
// comes first.
class SubmitAnswer : public std::enable_shared_from_this<SubmitAnswer> {
 public:
  SubmitAnswer(rpc::UnaryCall* call, v1::SubmitSessionResponse* response, const Outcome& outcome)
      : call_(call), response_(response), state_(outcome.state) {
    response->set_session_id(outcome.session.ToHex());
    Receipt(*state_, response->mutable_receipt());
  }
  void Await(SessionEngine& engine, Ticker& ticker, Relay& relay, const SessionId& session,
             Duration wait) {
    // The call may be over as soon as the ticker knows of it: nothing of it is touched after that.
    const telemetry::TraceContext trace = call_->trace();
    // Subscribed first, looked at second: a score that comes in between is not missed. The ticker
    // keeps this alive until the wait is over.
    subscription_ =
        engine.Subscribe(session, [weak = weak_from_this()](const SessionChange& change) {
          const auto self = weak.lock();
          if (self && change.state->state == SessionState::kReleased) self->Answer(change.state);
        });
    ticker.After(wait, [self = shared_from_this()] { self->Answer(nullptr); });
    auto latest = engine.Peek(session);
    if (!latest || latest->version < state_->version) latest = state_;
    if (latest->state == SessionState::kReleased) {
      Answer(latest);
    } else if (latest->score_version == 0) {
      relay.Kick(session, latest->attempt_version, trace);
    }
  }
  // nullptr: as the session was when sealed.
  void Answer(std::shared_ptr<const State> state) {
    if (answered_.exchange(true)) return;
    if (!state) state = state_;
    response_->set_state(static_cast<v1::SessionState>(state->state));
    if (state->ended_at) Set(*state->ended_at, response_->mutable_end_time());
    if (state->state == SessionState::kReleased &&
        !ReadReport(*state, response_->mutable_report()).ok())
      response_->clear_report();
    call_->Finish(absl::OkStatus());
  }

 private:
  rpc::UnaryCall* const call_;
  v1::SubmitSessionResponse* const response_;
  const std::shared_ptr<const State> state_;
  std::atomic<bool> answered_{false};
  SessionEngine::Subscription subscription_;
};

}  // namespace invigil::session
