#include "services/session/rpc/audit_service.h"

#include <functional>
#include <utility>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/unary.h"
#include "invigil/session/v1/audit.grpc.pb.h"
#include "services/session/journal/timeline.h"
#include "services/session/journal/verify.h"
#include "services/session/rpc/readings.h"
#include "services/session/rpc/timeline_convert.h"

namespace invigil::session {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using rpc::UnaryCall;

absl::Status Noted(const v1::VerifyJournalRequest& request, VerifyOptions& options) {
  if (!request.has_noted()) return absl::OkStatus();
  const std::string& hash = request.noted().hash();
  if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return InvalidArgument("HEAD_INVALID", "give the head as it was noted")
        .Field("noted.hash", "must be 64 hexadecimal digits");
  }
  options.noted = JournalHead{request.noted().row(), hash};
  return absl::OkStatus();
}

class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  AuditServiceImpl(const rpc::Guard& guard, std::unique_ptr<EventLogReader> for_checks,
                   std::unique_ptr<EventLogReader> for_timelines)
      : guard_(guard),
        check_reader_(std::move(for_checks)),
        timeline_reader_(std::move(for_timelines)) {}

  ServerUnaryReactor* VerifyJournal(CallbackServerContext* context,
                                    const v1::VerifyJournalRequest* request,
                                    v1::VerifyJournalResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, guard_, verify_);
    if (!call->admitted()) return call;
    VerifyOptions options;
    if (absl::Status status = Noted(*request, options); !status.ok()) {
      call->Finish(status);
      return call;
    }
    // Of a large store it takes minutes: not for a caller who has left, nor against a shutdown.
    options.stop = [this, call] { return call->cancelled() || checks_.stopping(); };
    return Read(checks_, call, [this, call, response, options]() -> absl::Status {
      const auto verdict = session::VerifyJournal(*check_reader_, options);
      if (!verdict.ok()) return verdict.status();
      response->set_right_rows(verdict->rows);
      response->set_sessions(verdict->sessions);
      response->set_first_row(verdict->begin.n + 1);
      response->mutable_head()->set_row(verdict->head.n);
      response->mutable_head()->set_hash(verdict->head.hash);
      if (verdict->fault) {
        response->set_wrong_row(verdict->fault->n);
        response->set_fault(verdict->fault->what);
        log::Error("the journal is not what was written", {{"audit", "journal_fault"},
                                                           {"row", verdict->fault->n},
                                                           {"fault", verdict->fault->what},
                                                           {"trace_id", call->trace().trace_id}});
      }
      return absl::OkStatus();
    });
  }

  ServerUnaryReactor* GetTimeline(CallbackServerContext* context,
                                  const v1::GetTimelineRequest* request,
                                  v1::GetTimelineResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, guard_, timeline_, request->session_id());
    if (!call->admitted()) return call;
    const auto session = SessionId::FromHex(request->session_id());
    if (!session) {
      call->Finish(InvalidArgument("SESSION_ID_INVALID", "name a session")
                       .Field("session_id", "must be 32 lower-case hexadecimal digits"));
      return call;
    }
    return Read(timelines_, call, [this, call, response, session]() -> absl::Status {
      if (call->cancelled()) return absl::CancelledError("the caller left");
      const auto entries = ReadTimeline(*timeline_reader_, *session);
      if (!entries.ok()) return entries.status();
      for (const TimelineEntry& entry : *entries) ToProto(entry, response->add_entries());
      return absl::OkStatus();
    });
  }

 private:
  static ServerUnaryReactor* Read(Readings& readings, UnaryCall* call, Readings::Read read) {
    if (!readings.Add(std::move(read), [call](const absl::Status& s) { call->Finish(s); })) {
      call->Finish(ResourceExhausted("AUDIT_BUSY", "too many audits wait; try again", Seconds(10)));
    }
    return call;
  }

  const rpc::Guard& guard_;
  const rpc::Method& verify_ = guard_.Find("/invigil.session.v1.AuditService/VerifyJournal");
  const rpc::Method& timeline_ = guard_.Find("/invigil.session.v1.AuditService/GetTimeline");
  const std::unique_ptr<EventLogReader> check_reader_, timeline_reader_;
  // Last: they use the above. Two, so that whoever looks at one session waits for no check.
  Readings checks_, timelines_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeAuditService(const rpc::Guard& guard,
                                                std::unique_ptr<EventLogReader> for_checks,
                                                std::unique_ptr<EventLogReader> for_timelines) {
  return std::make_shared<AuditServiceImpl>(guard, std::move(for_checks), std::move(for_timelines));
}

}  // namespace invigil::session
