#include "services/session/rpc/delivery_service.h"

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/unary.h"
#include "invigil/session/v1/delivery.grpc.pb.h"
#include "services/session/domain/clock.h"
#include "services/session/relay/relay.h"
#include "services/session/rpc/access.h"
#include "services/session/rpc/convert.h"
#include "services/session/rpc/deliver.h"
#include "services/session/rpc/starter.h"
#include "services/session/rpc/ticker.h"
#include "services/session/rpc/watch.h"

namespace invigil::session {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using rpc::UnaryCall;

// A session token outlives every grant the rules allow, and the wait for the report.
constexpr Duration kTokenMargin = kMaxGranted + std::chrono::hours(24);

absl::Status ReadReport(const State& state, v1::GetScoreReportResponse* report) {
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
  SubmitAnswer(UnaryCall* call, v1::SubmitSessionResponse* response, const Outcome& outcome)
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
  UnaryCall* const call_;
  v1::SubmitSessionResponse* const response_;
  const std::shared_ptr<const State> state_;
  std::atomic<bool> answered_{false};
  SessionEngine::Subscription subscription_;
};

class DeliveryServiceImpl final : public v1::DeliveryService::CallbackService {
 public:
  explicit DeliveryServiceImpl(const DeliveryParts& parts) : parts_(parts) {}

  ServerUnaryReactor* StartSession(CallbackServerContext* context,
                                   const v1::StartSessionRequest* request,
                                   v1::StartSessionResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, start_);
    if (!call->admitted()) return call;
    if (!call->principal().session_id.empty()) {
      const absl::Status status =
          PermissionDenied("TOKEN_OTHER_SESSION",
                           "a session's token can't start sessions; use the candidate's own token");
      AuditRefusal(status, call->principal(), "", call->trace());
      call->Finish(status);
      return call;
    }
    if (request->exam_id().empty()) {
      call->Finish(InvalidArgument("START_INVALID", "name the exam to start")
                       .Field("exam_id", "required, such as CLF-C02"));
      return call;
    }
    StartRequest start{.candidate_id = call->principal().subject,
                       .exam_id = request->exam_id(),
                       .request_id = request->request_id(),
                       .take_over = request->take_over()};
    parts_.starter.Start(
        std::move(start), call->TimeLeft(Seconds(20)), call->trace(),
        [this, call, response](absl::StatusOr<Outcome> outcome) {
          if (!outcome.ok()) {
            call->Finish(outcome.status());
            return;
          }
          const absl::Status status = ToProto(*outcome, false, response->mutable_session());
          if (status.ok()) {
            const Duration lifetime = LongestLeft(*outcome->state, outcome->now) + kTokenMargin;
            response->set_session_token(parts_.minter.Mint({.subject = call->principal().subject,
                                                            .roles = {"candidate"},
                                                            .session_id = outcome->session.ToHex(),
                                                            .lifetime = lifetime}));
            if (outcome->changed)
              log::Info("session started", {{"session", outcome->session.ToHex()},
                                            {"exam", outcome->state->identity->exam_id},
                                            {"trace_id", call->trace().trace_id}});
          }
          call->Finish(status);
        });
    return call;
  }

  ServerUnaryReactor* GetSession(CallbackServerContext* context,
                                 const v1::GetSessionRequest* request,
                                 v1::GetSessionResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, get_);
    Read(call, request->session_id(), true, [call, response](const Outcome& outcome) {
      call->Finish(ToProto(outcome, true, response->mutable_session()));
    });
    return call;
  }

  ServerUnaryReactor* SaveResponses(CallbackServerContext* context,
                                    const v1::SaveResponsesRequest* request,
                                    v1::SaveResponsesResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, save_);
    if (!call->admitted()) return call;
    const auto session = NamedSession(call->principal(), request->session_id(), call->trace());
    if (!session.ok()) {
      call->Finish(session.status());
      return call;
    }
    parts_.engine.Execute(
        *session, {call->principal().subject, FromProto(request->epoch(), request->responses())},
        [call, request, response](absl::StatusOr<Outcome> outcome) {
          if (!outcome.ok()) {
            Refuse(call, outcome.status(), request->session_id());
            return;
          }
          ToProto(*outcome->state->form, outcome->acks, response->mutable_acks());
          Set(ViewAt(*outcome->state, outcome->now).remaining, response->mutable_remaining());
          response->set_deadline_version(outcome->state->deadline_version);
          call->Finish(absl::OkStatus());
        });
    return call;
  }

  ServerUnaryReactor* SubmitSession(CallbackServerContext* context,
                                    const v1::SubmitSessionRequest* request,
                                    v1::SubmitSessionResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, submit_);
    if (!call->admitted()) return call;
    const auto session = NamedSession(call->principal(), request->session_id(), call->trace());
    if (!session.ok()) {
      call->Finish(session.status());
      return call;
    }
    parts_.engine.Execute(
        *session, {call->principal().subject, FromProto(*request)},
        [this, call, request, response](absl::StatusOr<Outcome> outcome) {
          if (!outcome.ok()) {
            Refuse(call, outcome.status(), request->session_id());
            return;
          }
          if (outcome->changed)
            log::Info("session sealed", {{"session", request->session_id()},
                                         {"state", std::string(StateName(outcome->state->state))},
                                         {"trace_id", call->trace().trace_id}});
          auto answer = std::make_shared<SubmitAnswer>(call, response, *outcome);
          // A little before the caller gives up, so that it gets the seal rather than
          // DEADLINE_EXCEEDED.
          const Duration wait = std::min(parts_.score_wait, call->TimeLeft() - Millis(200));
          answer->Await(parts_.engine, parts_.ticker, parts_.relay, outcome->session, wait);
        });
    return call;
  }

  ServerUnaryReactor* GetScoreReport(CallbackServerContext* context,
                                     const v1::GetScoreReportRequest* request,
                                     v1::GetScoreReportResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, report_);
    Read(call, request->session_id(), false, [call, response](const Outcome& outcome) {
      call->Finish(ReadReport(*outcome.state, response));
    });
    return call;
  }

  grpc::ServerWriteReactor<v1::WatchSessionResponse>* WatchSession(
      CallbackServerContext* context, const v1::WatchSessionRequest* request) override {
    return WatchReactor(*context, request->session_id(), parts_, watch_);
  }

  grpc::ServerBidiReactor<v1::DeliverRequest, v1::DeliverResponse>* Deliver(
      CallbackServerContext* context) override {
    return DeliverReactor(*context, parts_, deliver_);
  }

 private:
  static void Refuse(UnaryCall* call, const absl::Status& status, const std::string& session_id) {
    AuditRefusal(status, call->principal(), session_id, call->trace());
    call->Finish(status);
  }

  template <typename Answer>
  void Read(UnaryCall* call, const std::string& session_id, bool with_contents, Answer answer) {
    if (!call->admitted()) return;
    const auto session = NamedSession(call->principal(), session_id, call->trace());
    if (!session.ok()) {
      call->Finish(session.status());
      return;
    }
    parts_.engine.Get(*session, Candidate(call->principal()), with_contents,
                      [call, session_id, answer](absl::StatusOr<Outcome> outcome) {
                        if (outcome.ok()) {
                          answer(*outcome);
                        } else {
                          Refuse(call, outcome.status(), session_id);
                        }
                      });
  }

  const rpc::Method& Find(const char* name) const {
    return parts_.guard.Find(std::string("/invigil.session.v1.DeliveryService/") + name);
  }

  const DeliveryParts parts_;
  const rpc::Method& start_ = Find("StartSession");
  const rpc::Method& get_ = Find("GetSession");
  const rpc::Method& save_ = Find("SaveResponses");
  const rpc::Method& submit_ = Find("SubmitSession");
  const rpc::Method& report_ = Find("GetScoreReport");
  const rpc::Method& watch_ = Find("WatchSession");
  const rpc::Method& deliver_ = Find("Deliver");
};

}  // namespace

std::shared_ptr<grpc::Service> MakeDeliveryService(const DeliveryParts& parts) {
  return std::make_shared<DeliveryServiceImpl>(parts);
}

}  // namespace invigil::session
