#include "services/session/rpc/proctor_service.h"

#include <string>
#include <utility>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/executor.h"
#include "common/rpc/unary.h"
#include "invigil/session/v1/proctor.grpc.pb.h"
#include "services/session/domain/text.h"
#include "services/session/relay/relay.h"
#include "services/session/rpc/access.h"
#include "services/session/rpc/convert.h"
#include "services/session/rpc/proctor_convert.h"
#include "services/session/rpc/proctor_many.h"
#include "services/session/rpc/proctor_roster.h"
#include "services/session/rpc/proctor_watch.h"

namespace invigil::session {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using rpc::UnaryCall;

absl::Status CheckReason(const std::string& reason) {
  if (IsText(reason, 1024)) return absl::OkStatus();
  return InvalidArgument("ACT_INVALID", "nothing was done; say why")
      .Field("reason", "must have 1 to 1024 characters")
      .Build();
}

Grant GrantOf(const std::string& id, const google::protobuf::Duration& amount) {
  return Grant{id, FromProto(amount)};
}

class ProctorServiceImpl final : public v1::ProctorService::CallbackService {
 public:
  explicit ProctorServiceImpl(const ProctorParts& parts) : parts_(parts), many_(parts_) {}
  ~ProctorServiceImpl() override {
    executor_->Stop();
    bulk_->Stop();
  }

  ServerUnaryReactor* PauseSession(CallbackServerContext* context,
                                   const v1::PauseSessionRequest* request,
                                   v1::PauseSessionResponse* response) override {
    return Act(context, pause_, request, response, request->reason(),
               [&](const std::string& actor) {
                 return Pause{actor, request->reason(), request->deadline_version()};
               });
  }
  ServerUnaryReactor* ResumeSession(CallbackServerContext* context,
                                    const v1::ResumeSessionRequest* request,
                                    v1::ResumeSessionResponse* response) override {
    return Act(context, resume_, request, response, request->reason(),
               [&](const std::string& actor) {
                 return Resume{actor, request->reason(), request->deadline_version()};
               });
  }
  ServerUnaryReactor* GrantTime(CallbackServerContext* context, const v1::GrantTimeRequest* request,
                                v1::GrantTimeResponse* response) override {
    return Act(context, grant_, request, response, request->reason(),
               [&](const std::string& actor) {
                 return session::GrantTime{GrantOf(request->grant_id(), request->amount()), actor,
                                           request->reason()};
               });
  }
  ServerUnaryReactor* TerminateSession(CallbackServerContext* context,
                                       const v1::TerminateSessionRequest* request,
                                       v1::TerminateSessionResponse* response) override {
    return Act(context, terminate_, request, response, request->reason(),
               [&](const std::string& actor) {
                 return Terminate{actor, request->reason(), request->deadline_version()};
               });
  }
  ServerUnaryReactor* ReopenSession(CallbackServerContext* context,
                                    const v1::ReopenSessionRequest* request,
                                    v1::ReopenSessionResponse* response) override {
    return Act(
        context, reopen_, request, response, request->reason(), [&](const std::string& actor) {
          return Reopen{GrantOf(request->grant_id(), request->amount()), actor, request->reason()};
        });
  }
  ServerUnaryReactor* RecoverResponses(CallbackServerContext* context,
                                       const v1::RecoverResponsesRequest* request,
                                       v1::RecoverResponsesResponse* response) override {
    return Act(
        context, recover_, request, response, request->reason(), [&](const std::string& actor) {
          const auto writes = FromProto(0, request->responses()).responses;
          return session::RecoverResponses{
              request->recovery_id(), actor, request->reason(), {writes.begin(), writes.end()}};
        });
  }
  ServerUnaryReactor* CheckIn(CallbackServerContext* context, const v1::CheckInRequest* request,
                              v1::CheckInResponse* response) override {
    return Act(context, check_in_, request, response, request->reason(),
               [&](const std::string& actor) {
                 return session::CheckIn{actor, request->reason()};
               });
  }
  // What people write to each other does not go into a log line.
  ServerUnaryReactor* SendMessage(CallbackServerContext* context,
                                  const v1::ProctorServiceSendMessageRequest* request,
                                  v1::ProctorServiceSendMessageResponse* response) override {
    return Act(context, send_, request, response, "a message", [&](const std::string& actor) {
      return session::SendMessage{request->message_id(), actor, request->text(), false};
    });
  }
  ServerUnaryReactor* ConfirmMessage(CallbackServerContext* context,
                                     const v1::ProctorServiceConfirmMessageRequest* request,
                                     v1::ProctorServiceConfirmMessageResponse* response) override {
    return Act(context, confirm_, request, response, "a message was seen",
               [&](const std::string& actor) {
                 return session::ConfirmMessage{request->message_id(), false, actor};
               });
  }
  ServerUnaryReactor* ReportIrregularity(CallbackServerContext* context,
                                         const v1::ReportIrregularityRequest* request,
                                         v1::ReportIrregularityResponse* response) override {
    return Act(context, report_, request, response, request->category(),
               [&](const std::string& actor) {
                 return session::ReportIrregularity{request->report_id(), request->category(),
                                                    request->reason(), actor};
               });
  }
  ServerUnaryReactor* VoidSession(CallbackServerContext* context,
                                  const v1::VoidSessionRequest* request,
                                  v1::VoidSessionResponse* response) override {
    return Act(context, void_, request, response, request->reason(), [&](const std::string& actor) {
      return Void{request->reason(), false, actor};
    });
  }
  ServerUnaryReactor* ReleaseScore(CallbackServerContext* context,
                                   const v1::ReleaseScoreRequest* request,
                                   v1::ReleaseScoreResponse* response) override {
    return Act(context, release_, request, response, request->reason(),
               [&](const std::string& actor) {
                 return Release{actor, request->reason()};
               });
  }
  ServerUnaryReactor* HoldScore(CallbackServerContext* context, const v1::HoldScoreRequest* request,
                                v1::HoldScoreResponse* response) override {
    return Act(context, hold_, request, response, request->reason(), [&](const std::string& actor) {
      return session::HoldScore{actor, request->reason()};
    });
  }

  ServerUnaryReactor* GetRosterEntry(CallbackServerContext* context,
                                     const v1::GetRosterEntryRequest* request,
                                     v1::GetRosterEntryResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, get_, request->session_id());
    if (!call->admitted()) return call;
    const auto session = NamedSession({parts_.guard, call->method()}, call->principal(),
                                      request->session_id(), call->trace());
    if (!session.ok()) {
      call->Finish(session.status());
      return call;
    }
    parts_.engine.Get(*session, "", false,
                      [this, call, response](const absl::StatusOr<Outcome>& outcome) {
                        if (outcome.ok()) {
                          Show(*outcome, response->mutable_entry());
                          ToProto(*outcome->state, response);
                        }
                        call->Finish(outcome.status());
                      });
    return call;
  }

  ServerUnaryReactor* ListRoster(CallbackServerContext* context,
                                 const v1::ListRosterRequest* request,
                                 v1::ListRosterResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, list_);
    if (!call->admitted()) return call;
    const uint32_t states = FromProto(*request).states;
    constexpr uint32_t kEnded = ~((2u << static_cast<int>(SessionState::kOnBreak)) - 1);
    if (request->include_ended() || (states & kEnded) != 0) {
      rpc::RunOrRefuse(*bulk_, call, [this, call, request, response] {
        call->Finish(many_.ListEnded(*request, response));
      });
      return call;
    }
    parts_.roster->WhenFilled([this, call, request, response](const absl::Status& status) {
      if (!status.ok()) {
        call->Finish(status);
        return;
      }
      rpc::RunOrRefuse(*executor_, call,
                       [this, call, request, response] { call->Finish(List(*request, response)); });
    });
    return call;
  }

  grpc::ServerWriteReactor<v1::WatchRosterResponse>* WatchRoster(
      CallbackServerContext* context, const v1::WatchRosterRequest* request) override {
    return RosterWatchReactor(*context, *request, parts_, executor_, watch_);
  }

  ServerUnaryReactor* GrantTimeToMany(CallbackServerContext* context,
                                      const v1::GrantTimeToManyRequest* request,
                                      v1::GrantTimeToManyResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, grant_many_);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(*bulk_, call, [this, call, request, response] {
      many_.GrantTime(*request, call->principal().subject, response,
                      [this, call, request, response](const absl::Status& status) {
                        AuditMany(*call, grant_many_, request->grant_id(), request->reason(),
                                  response->results_size(), status);
                        call->Finish(status);
                      });
    });
    return call;
  }

  ServerUnaryReactor* SendMessageToMany(CallbackServerContext* context,
                                        const v1::SendMessageToManyRequest* request,
                                        v1::SendMessageToManyResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, send_many_);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(*bulk_, call, [this, call, request, response] {
      many_.SendMessage(*request, call->principal().subject, response,
                        [this, call, request, response](const absl::Status& status) {
                          AuditMany(*call, send_many_, request->message_id(), "a message",
                                    response->results_size(), status);
                          call->Finish(status);
                        });
    });
    return call;
  }

  ServerUnaryReactor* ListUnscored(CallbackServerContext* context,
                                   const v1::ListUnscoredRequest* request,
                                   v1::ListUnscoredResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, unscored_);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(*bulk_, call, [this, call, request, response] {
      call->Finish(many_.ListUnscored(*request, response));
    });
    return call;
  }

  // Changes nothing of the session: the relay does, when scoring has answered.
  ServerUnaryReactor* RetryScoring(CallbackServerContext* context,
                                   const v1::RetryScoringRequest* request,
                                   v1::RetryScoringResponse* response) override {
    return Act(context, retry_, request, response, request->reason(),
               [](const std::string&) { return Read{}; });
  }

  ServerUnaryReactor* IncidentReport(CallbackServerContext* context,
                                     const v1::IncidentReportRequest* request,
                                     v1::IncidentReportResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, incident_);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(*bulk_, call, [this, call, request, response] {
      call->Finish(many_.Report(*request, response));
    });
    return call;
  }

  ServerUnaryReactor* CompensateIncident(CallbackServerContext* context,
                                         const v1::CompensateIncidentRequest* request,
                                         v1::CompensateIncidentResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, compensate_);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(*bulk_, call, [this, call, request, response] {
      many_.Compensate(*request, call->principal().subject, response,
                       [this, call, request, response](const absl::Status& status) {
                         AuditMany(*call, compensate_, request->incident_id(), request->reason(),
                                   response->results_size(), status);
                         call->Finish(status);
                       });
    });
    return call;
  }

  ServerUnaryReactor* ControlAssessment(CallbackServerContext* context,
                                        const v1::ControlAssessmentRequest* request,
                                        v1::ControlAssessmentResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, control_);
    if (!call->admitted()) return call;
    auto action = ControlAction(*request, call->principal().subject);
    if (!action.ok()) {
      call->Finish(action.status());
      return call;
    }
    rpc::RunOrRefuse(
        *executor_, call, [this, call, request, response, action = *std::move(action)]() mutable {
          const auto session = many_.FindAttempt(*request);
          if (!session.ok()) {
            AuditControl(*call, *request, "", session.status());
            call->Finish(session.status());
            return;
          }
          parts_.engine.Execute(*session, {"", std::move(action)},
                                [this, call, request, response,
                                 session = *session](const absl::StatusOr<Outcome>& outcome) {
                                  AuditControl(*call, *request, session.ToHex(), outcome.status());
                                  if (outcome.ok()) {
                                    const auto status = ControlStatus(outcome->state->state);
                                    response->set_status(std::string(status));
                                    response->set_extra_time(static_cast<int32_t>(
                                        duration_cast<Minutes>(outcome->state->granted).count()));
                                  }
                                  call->Finish(outcome.status());
                                });
        });
    return call;
  }

 private:
  // One act on one session: admitted, carried out with `make(actor)`, audited, answered.
  template <typename Request, typename Response, typename Make>
  ServerUnaryReactor* Act(CallbackServerContext* context, const rpc::Method& method,
                          const Request* request, Response* response, const std::string& reason,
                          Make make) {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, method, request->session_id());
    if (!call->admitted()) return call;
    const auto session = NamedSession({parts_.guard, call->method()}, call->principal(),
                                      request->session_id(), call->trace());
    absl::Status status = session.status();
    // The core asks for one only where it decides something.
    if (status.ok() && (&method == &release_ || &method == &check_in_ || &method == &retry_)) {
      status = CheckReason(reason);
    }
    if (!status.ok()) {
      call->Finish(status);
      return call;
    }
    parts_.engine.Execute(
        *session, {"", make(call->principal().subject)},
        [this, call, &method, request, response, reason](const absl::StatusOr<Outcome>& outcome) {
          absl::Status ended = outcome.status();
          if (ended.ok() && &method == &retry_) ended = Retry(*outcome, *call);
          Audit(*call, method, request->session_id(), reason, ended);
          if (ended.ok()) Show(*outcome, response->mutable_entry());
          call->Finish(ended);
        });
    return call;
  }

  absl::Status Retry(const Outcome& outcome, const UnaryCall& call) const {
    const uint32_t attempt = outcome.state->attempt_version;
    if (!AwaitsScore(*outcome.state, attempt)) {
      return FailedPrecondition("NOT_UNSCORED",
                                "the session is not sealed, or has its score; see ListUnscored");
    }
    parts_.relay.Retry(outcome.session, attempt, call.trace());
    return absl::OkStatus();
  }

  absl::Status List(const v1::ListRosterRequest& request, v1::ListRosterResponse* response) const {
    const auto place = PlaceOf(request.page_token());
    if (!place.ok()) return place.status();
    const Roster::Page page =
        parts_.roster->List(FromProto(request), *place, PageSize(request.page_size(), 100));
    const Time now = parts_.clock.Now();
    for (const RosterLine& line : page.lines) ToProto(line, now, response->add_entries());
    if (page.next) response->set_next_page_token(TokenOf(*page.next));
    return absl::OkStatus();
  }

  void Show(const Outcome& outcome, v1::RosterEntry* entry) const {
    ToProto(parts_.roster->LineOf(outcome.session, *outcome.state), parts_.clock.Now(), entry);
  }

  static std::string_view Ended(const absl::Status& status, const std::string& reason) {
    return status.ok() ? std::string_view("done") : std::string_view(reason);
  }
  static void Audit(const UnaryCall& call, const rpc::Method& method, const std::string& session_id,
                    const std::string& reason, const absl::Status& status) {
    const std::string refusal = ReasonOf(status);
    log::Audit(method.name, "an act of the staff",
               {{"subject", call.principal().subject},
                {"session", session_id},
                {"reason", reason},
                {"outcome", Ended(status, refusal)},
                {"trace_id", call.trace().trace_id}});
  }
  // With what it named: an attempt that is not found has no session.
  void AuditControl(const UnaryCall& call, const v1::ControlAssessmentRequest& request,
                    const std::string& session_id, const absl::Status& status) const {
    const std::string refusal = ReasonOf(status);
    log::Audit(control_.name, "an act of the staff",
               {{"subject", call.principal().subject},
                {"session", session_id},
                {"candidate", std::string_view(request.user().sub()).substr(0, 256)},
                {"exam", std::string_view(request.resource_link().id()).substr(0, 64)},
                {"reason", request.action() + " " + request.reason_code()},
                {"outcome", Ended(status, refusal)},
                {"trace_id", call.trace().trace_id}});
  }
  static void AuditMany(const UnaryCall& call, const rpc::Method& method, const std::string& id,
                        const std::string& reason, int sessions, const absl::Status& status) {
    const std::string refusal = ReasonOf(status);
    log::Audit(method.name, "an act of the staff on many sessions",
               {{"subject", call.principal().subject},
                {"id", id},
                {"sessions", sessions},
                {"reason", reason},
                {"outcome", Ended(status, refusal)},
                {"trace_id", call.trace().trace_id}});
  }

  const rpc::Method& Find(const char* name) const {
    return parts_.guard.Find(std::string("/invigil.session.v1.ProctorService/") + name);
  }

  const ProctorParts parts_;
  const ProctorMany many_;
  const rpc::Method& pause_ = Find("PauseSession");
  const rpc::Method& resume_ = Find("ResumeSession");
  const rpc::Method& grant_ = Find("GrantTime");
  const rpc::Method& grant_many_ = Find("GrantTimeToMany");
  const rpc::Method& terminate_ = Find("TerminateSession");
  const rpc::Method& reopen_ = Find("ReopenSession");
  const rpc::Method& recover_ = Find("RecoverResponses");
  const rpc::Method& check_in_ = Find("CheckIn");
  const rpc::Method& send_ = Find("SendMessage");
  const rpc::Method& confirm_ = Find("ConfirmMessage");
  const rpc::Method& report_ = Find("ReportIrregularity");
  const rpc::Method& void_ = Find("VoidSession");
  const rpc::Method& release_ = Find("ReleaseScore");
  const rpc::Method& hold_ = Find("HoldScore");
  const rpc::Method& send_many_ = Find("SendMessageToMany");
  const rpc::Method& unscored_ = Find("ListUnscored");
  const rpc::Method& retry_ = Find("RetryScoring");
  const rpc::Method& get_ = Find("GetRosterEntry");
  const rpc::Method& list_ = Find("ListRoster");
  const rpc::Method& watch_ = Find("WatchRoster");
  const rpc::Method& control_ = Find("ControlAssessment");
  const rpc::Method& incident_ = Find("IncidentReport");
  const rpc::Method& compensate_ = Find("CompensateIncident");
  // Stopped before anything goes that their work uses. What reads many logs has threads of its own:
  // a proctor who stops a sitting does not wait behind a report.
  const std::shared_ptr<rpc::Executor> executor_ =
      std::make_shared<rpc::Executor>("proctor", 2, 128);
  const std::shared_ptr<rpc::Executor> bulk_ =
      std::make_shared<rpc::Executor>("proctor_bulk", 2, 128);
};

}  // namespace

std::shared_ptr<grpc::Service> MakeProctorService(const ProctorParts& parts) {
  return std::make_shared<ProctorServiceImpl>(parts);
}

}  // namespace invigil::session
