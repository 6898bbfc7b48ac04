#include "services/session/rpc/delivery_service.h"

#include <algorithm>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/unary.h"
#include "invigil/session/v1/delivery.grpc.pb.h"
#include "services/session/domain/clock.h"
#include "services/session/rpc/access.h"
#include "services/session/rpc/convert.h"
#include "services/session/rpc/deliver.h"
#include "services/session/rpc/display.h"
#include "services/session/rpc/starter.h"
#include "services/session/rpc/submit_answer.h"
#include "services/session/rpc/watch.h"

namespace invigil::session {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using rpc::UnaryCall;

// How long after its session's end a session token still reads the report.
constexpr Duration kReportMargin = std::chrono::hours(24);
// And every grant the rules allow comes before that; what pauses and reopenings add is made up for
// by a new token.
constexpr Duration kTokenMargin = kMaxGranted + kReportMargin;

class DeliveryServiceImpl final : public v1::DeliveryService::CallbackService {
 public:
  explicit DeliveryServiceImpl(const DeliveryParts& parts) : parts_(parts) {}

  ServerUnaryReactor* StartSession(CallbackServerContext* context,
                                   const v1::StartSessionRequest* request,
                                   v1::StartSessionResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, start_);
    if (!call->admitted() || !CheckOwnToken(call, "start sessions")) return call;
    if (request->exam_id().empty()) {
      call->Finish(InvalidArgument("START_INVALID", "name the exam to start")
                       .Field("exam_id", "required, such as CLF-C02"));
      return call;
    }
    if (!v1::SessionKind_IsValid(request->kind())) {
      call->Finish(InvalidArgument("START_INVALID", "name a kind of session this suite knows")
                       .Field("kind", "must be one of SessionKind"));
      return call;
    }
    StartRequest start{.candidate_id = call->principal().subject,
                       .exam_id = request->exam_id(),
                       .request_id = request->request_id(),
                       .take_over = request->take_over(),
                       .kind = FromProto(request->kind())};
    parts_.starter.Start(std::move(start), call->TimeLeft(Seconds(20)), call->trace(),
                         [this, call, response](absl::StatusOr<Outcome> outcome) {
                           if (!outcome.ok()) {
                             call->Finish(outcome.status());
                             return;
                           }
                           const absl::Status status =
                               ShowSession(*outcome, Detail::kItems, response->mutable_session());
                           if (status.ok()) {
                             response->set_session_token(SessionToken(call->principal(), *outcome));
                             if (outcome->changed)
                               log::Info("session started",
                                         {{"session", outcome->session.ToHex()},
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
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, get_, request->session_id());
    Ask(call, request->session_id(), Read{}, true, [this, call, response](const Outcome& outcome) {
      const absl::Status status = ShowSession(outcome, Detail::kAll, response->mutable_session());
      if (status.ok() && TokenTooShort(call->principal(), outcome))
        response->set_session_token(SessionToken(call->principal(), outcome));
      call->Finish(status);
    });
    return call;
  }

  ServerUnaryReactor* SaveResponses(CallbackServerContext* context,
                                    const v1::SaveResponsesRequest* request,
                                    v1::SaveResponsesResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, save_, request->session_id());
    Ask(call, request->session_id(), FromProto(request->epoch(), request->responses()), false,
        [call, request, response](const Outcome& outcome) {
          ToProto(*outcome.state->form, outcome.acks, request->responses(),
                  response->mutable_acks());
          Set(ViewAt(*outcome.state, outcome.now).remaining, response->mutable_remaining());
          response->set_deadline_version(outcome.state->deadline_version);
          call->Finish(absl::OkStatus());
        });
    return call;
  }

  ServerUnaryReactor* SubmitSession(CallbackServerContext* context,
                                    const v1::SubmitSessionRequest* request,
                                    v1::SubmitSessionResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, submit_, request->session_id());
    Ask(call, request->session_id(), FromProto(*request), false,
        [this, call, response](const Outcome& outcome) {
          LogSeal(call, outcome);
          auto answer = std::make_shared<SubmitAnswer>(call, response, outcome);
          // A little before the caller gives up, so that it gets the seal rather than
          // DEADLINE_EXCEEDED.
          const Duration wait = std::min(parts_.score_wait, call->TimeLeft() - Millis(200));
          answer->Await(parts_.engine, parts_.ticker, parts_.relay, outcome.session, wait);
        });
    return call;
  }

  ServerUnaryReactor* LeavePart(CallbackServerContext* context, const v1::LeavePartRequest* request,
                                v1::LeavePartResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, leave_, request->session_id());
    Ask(call, request->session_id(), FromProto(*request), true,
        [this, call, response](const Outcome& outcome) {
          LogSeal(call, outcome);
          const State& state = *outcome.state;
          if (state.sealed() && state.score_version == 0)
            parts_.relay.Kick(outcome.session, state.attempt_version, call->trace());
          call->Finish(ShowSession(outcome, Detail::kItems, response->mutable_session()));
        });
    return call;
  }

  ServerUnaryReactor* TakeBreak(CallbackServerContext* context, const v1::TakeBreakRequest* request,
                                v1::TakeBreakResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, take_break_, request->session_id());
    Ask(call, request->session_id(), FromProto(*request), false,
        [call, response](const Outcome& outcome) {
          call->Finish(ShowSession(outcome, Detail::kBare, response->mutable_session()));
        });
    return call;
  }

  ServerUnaryReactor* EndBreak(CallbackServerContext* context, const v1::EndBreakRequest* request,
                               v1::EndBreakResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, end_break_, request->session_id());
    Ask(call, request->session_id(),
        session::EndBreak{.epoch = request->epoch(), .number = request->break_number()}, true,
        [call, response](const Outcome& outcome) {
          call->Finish(ShowSession(outcome, Detail::kItems, response->mutable_session()));
        });
    return call;
  }

  ServerUnaryReactor* SaveProgress(CallbackServerContext* context,
                                   const v1::SaveProgressRequest* request,
                                   v1::SaveProgressResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, progress_, request->session_id());
    Ask(call, request->session_id(), FromProto(*request), false,
        [this, call, request, response](const Outcome& outcome) {
          if (request->has_unsaved_changes()) {
            parts_.engine.NoteAlive(outcome.session, request->unsaved_changes());
          }
          Set(ViewAt(*outcome.state, outcome.now).remaining, response->mutable_remaining());
          response->set_deadline_version(outcome.state->deadline_version);
          call->Finish(absl::OkStatus());
        });
    return call;
  }

  ServerUnaryReactor* GetResponseVector(CallbackServerContext* context,
                                        const v1::GetResponseVectorRequest* request,
                                        v1::GetResponseVectorResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, vector_, request->session_id());
    Ask(call, request->session_id(), Read{}, false, [call, response](const Outcome& outcome) {
      ShowVector(outcome, response);
      call->Finish(absl::OkStatus());
    });
    return call;
  }

  ServerUnaryReactor* SendMessage(CallbackServerContext* context,
                                  const v1::SendMessageRequest* request,
                                  v1::SendMessageResponse*) override {
    UnaryCall* call =
        UnaryCall::Begin(*context, parts_.guard, send_message_, request->session_id());
    if (!call->admitted()) return call;
    Ask(call, request->session_id(),
        session::SendMessage{.id = request->message_id(),
                             .actor = call->principal().subject,
                             .text = request->text(),
                             .from_candidate = true},
        false, [call](const Outcome&) { call->Finish(absl::OkStatus()); });
    return call;
  }

  ServerUnaryReactor* ConfirmMessage(CallbackServerContext* context,
                                     const v1::ConfirmMessageRequest* request,
                                     v1::ConfirmMessageResponse*) override {
    UnaryCall* call =
        UnaryCall::Begin(*context, parts_.guard, confirm_message_, request->session_id());
    Ask(call, request->session_id(),
        session::ConfirmMessage{.id = request->message_id(), .by_candidate = true}, false,
        [call](const Outcome&) { call->Finish(absl::OkStatus()); });
    return call;
  }

  ServerUnaryReactor* ClaimSession(CallbackServerContext* context,
                                   const v1::ClaimSessionRequest* request,
                                   v1::ClaimSessionResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, claim_, request->session_id());
    if (!call->admitted() || !CheckOwnToken(call, "claim diagnostics")) return call;
    if (const absl::Status proof = CheckProof(*request); !proof.ok()) {
      Refuse(call, proof, request->session_id());
      return call;
    }
    Ask(call, request->session_id(), Claim{.candidate_id = call->principal().subject}, false,
        [call, response](const Outcome& outcome) {
          if (outcome.changed)
            log::Info("diagnostic claimed",
                      {{"session", outcome.session.ToHex()}, {"trace_id", call->trace().trace_id}});
          call->Finish(ShowSession(outcome, Detail::kBare, response->mutable_session()));
        });
    return call;
  }

  ServerUnaryReactor* GetScoreReport(CallbackServerContext* context,
                                     const v1::GetScoreReportRequest* request,
                                     v1::GetScoreReportResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, report_, request->session_id());
    Ask(call, request->session_id(), Read{}, false, [call, response](const Outcome& outcome) {
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
  void Refuse(UnaryCall* call, const absl::Status& status, const std::string& session_id) const {
    AuditRefusal({parts_.guard, call->method()}, status, call->principal(), session_id,
                 call->trace());
    call->Finish(status);
  }

  // Has the engine do `action` to the session the caller names, and answers: with the refusal, or
  // by `answer`. `show`: the outcome has contents. `session_id` belongs to the request.
  template <typename Answer>
  void Ask(UnaryCall* call, const std::string& session_id, Action action, bool show,
           Answer answer) {
    if (!call->admitted()) return;
    const auto session =
        NamedSession({parts_.guard, call->method()}, call->principal(), session_id, call->trace());
    if (!session.ok()) {
      call->Finish(session.status());
      return;
    }
    Command command{Candidate(call->principal()), std::move(action)};
    auto done = [this, call, &session_id, answer](absl::StatusOr<Outcome> outcome) {
      if (outcome.ok()) {
        answer(*outcome);
      } else {
        Refuse(call, outcome.status(), session_id);
      }
    };
    if (show) {
      parts_.engine.ExecuteAndShow(*session, std::move(command), std::move(done));
    } else {
      parts_.engine.Execute(*session, std::move(command), std::move(done));
    }
  }

  // false: the call is by a session's token and was refused; that stands for its session only.
  bool CheckOwnToken(UnaryCall* call, const std::string& what) const {
    if (call->principal().session_id.empty()) return true;
    Refuse(call,
           PermissionDenied("TOKEN_OTHER_SESSION",
                            "a session's token can't " + what + "; use the candidate's own token"),
           "");
    return false;
  }

  // Whoever has the session's token sat it.
  absl::Status CheckProof(const v1::ClaimSessionRequest& request) const {
    if (request.session_token().empty()) {
      return InvalidArgument("CLAIM_INVALID", "nothing was claimed; see the fields")
          .Field("session_token", "required: what StartSession gave for the diagnostic");
    }
    const auto proof = parts_.verifier.Verify(request.session_token());
    if (proof.ok() && (*proof)->Has("candidate") && !(*proof)->session_id.empty() &&
        (*proof)->session_id == request.session_id()) {
      return absl::OkStatus();
    }
    return PermissionDenied("CLAIM_PROOF_INVALID",
                            "the session token does not prove that this diagnostic was yours; use "
                            "the sessionToken that StartSession gave for it");
  }

  std::string SessionToken(const auth::Principal& caller, const Outcome& outcome) const {
    return parts_.minter.Mint(
        {.subject = caller.subject,
         .roles = {"candidate"},
         .session_id = outcome.session.ToHex(),
         .lifetime = LongestLeft(*outcome.state, outcome.now) + kTokenMargin});
  }

  // Whether the session's token of this call would run out before the session can and the report is
  // read.
  static bool TokenTooShort(const auth::Principal& caller, const Outcome& outcome) {
    return !caller.session_id.empty() && outcome.state->live() &&
           caller.expires < outcome.now + LongestLeft(*outcome.state, outcome.now) + kReportMargin;
  }

  static void LogSeal(UnaryCall* call, const Outcome& outcome) {
    if (!outcome.changed || !outcome.state->sealed()) return;
    log::Info("session sealed", {{"session", outcome.session.ToHex()},
                                 {"state", std::string(StateName(outcome.state->state))},
                                 {"trace_id", call->trace().trace_id}});
  }

  const rpc::Method& Find(const char* name) const {
    return parts_.guard.Find(std::string("/invigil.session.v1.DeliveryService/") + name);
  }

  const DeliveryParts parts_;
  const rpc::Method& start_ = Find("StartSession");
  const rpc::Method& get_ = Find("GetSession");
  const rpc::Method& save_ = Find("SaveResponses");
  const rpc::Method& submit_ = Find("SubmitSession");
  const rpc::Method& leave_ = Find("LeavePart");
  const rpc::Method& take_break_ = Find("TakeBreak");
  const rpc::Method& end_break_ = Find("EndBreak");
  const rpc::Method& progress_ = Find("SaveProgress");
  const rpc::Method& vector_ = Find("GetResponseVector");
  const rpc::Method& send_message_ = Find("SendMessage");
  const rpc::Method& confirm_message_ = Find("ConfirmMessage");
  const rpc::Method& claim_ = Find("ClaimSession");
  const rpc::Method& report_ = Find("GetScoreReport");
  const rpc::Method& watch_ = Find("WatchSession");
  const rpc::Method& deliver_ = Find("Deliver");
};

}  // namespace

std::shared_ptr<grpc::Service> MakeDeliveryService(const DeliveryParts& parts) {
  return std::make_shared<DeliveryServiceImpl>(parts);
}

}  // namespace invigil::session
