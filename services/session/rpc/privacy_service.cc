#include "services/session/rpc/privacy_service.h"

#include <string>
#include <utility>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/unary.h"
#include "invigil/session/v1/privacy.grpc.pb.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/text.h"
#include "services/session/privacy/keeper.h"
#include "services/session/privacy/privacy.h"
#include "services/session/rpc/convert.h"
#include "services/session/rpc/display.h"
#include "services/session/rpc/readings.h"
#include "services/session/rpc/registration_convert.h"
#include "services/session/rpc/timeline_convert.h"

namespace invigil::session {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using privacy::HeldSession;
using rpc::UnaryCall;

// A sitting's timeline can have thousands of entries.
constexpr size_t kSessionsInPage = 5;

absl::Status CheckExport(const v1::ExportCandidateRequest& request, SessionId* after) {
  Error error = InvalidArgument("EXPORT_INVALID", "nothing was exported; see the fields");
  bool valid = true;
  if (!IsText(request.candidate_id(), registration::kMaxCandidateLength)) {
    error.Field("candidate_id", "required: 1 to 256 characters");
    valid = false;
  }
  if (!request.page_token().empty()) {
    const auto token = SessionId::FromHex(request.page_token());
    if (token) {
      *after = *token;
    } else {
      error.Field("page_token", "must come from a page of the same export");
      valid = false;
    }
  }
  if (valid) return absl::OkStatus();
  return error;
}

class PrivacyServiceImpl final : public v1::PrivacyService::CallbackService {
 public:
  explicit PrivacyServiceImpl(PrivacyParts parts) : parts_(std::move(parts)) {}

  ServerUnaryReactor* ExportCandidate(CallbackServerContext* context,
                                      const v1::ExportCandidateRequest* request,
                                      v1::ExportCandidateResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, export_);
    if (!call->admitted()) return call;
    SessionId after;
    if (absl::Status status = CheckExport(*request, &after); !status.ok()) {
      call->Finish(status);
      return call;
    }
    return Run(call, [this, call, request, response, after] {
      return Export(*call, *request, after, response);
    });
  }

  ServerUnaryReactor* EraseCandidate(CallbackServerContext* context,
                                     const v1::EraseCandidateRequest* request,
                                     v1::EraseCandidateResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, erase_);
    if (!call->admitted()) return call;
    return Run(call, [this, call, request, response] { return Erase(*call, *request, response); });
  }

  ServerUnaryReactor* ApplyRetention(CallbackServerContext* context,
                                     const v1::ApplyRetentionRequest* request,
                                     v1::ApplyRetentionResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, retention_);
    if (!call->admitted()) return call;
    return Run(call, [this, call, request, response]() -> absl::Status {
      const auto stop = [&] { return call->cancelled() || work_.stopping(); };
      const auto kept = parts_.keeper.Run(request->dry_run(), parts_.reload, stop);
      if (!kept.ok()) return kept.status();
      for (const privacy::Kept& kind : *kept) {
        auto* to = response->add_results();
        to->set_kind(kind.kind);
        to->set_keep_days(static_cast<uint32_t>(kind.days));
        to->set_due(kind.due);
        to->set_done(kind.done);
        to->set_fault(kind.error);
      }
      return absl::OkStatus();
    });
  }

 private:
  ServerUnaryReactor* Run(UnaryCall* call, Readings::Read work) {
    if (!work_.Add(std::move(work), [call](const absl::Status& s) { call->Finish(s); })) {
      call->Finish(ResourceExhausted("PRIVACY_BUSY", "too many wait; try again", Seconds(10)));
    }
    return call;
  }

  absl::Status Export(const UnaryCall& call, const v1::ExportCandidateRequest& request,
                      const SessionId& after, v1::ExportCandidateResponse* response) {
    if (call.cancelled()) return absl::CancelledError("the caller left");
    const auto held = parts_.privacy.SessionsOf(request.candidate_id());
    if (!held.ok()) return held.status();
    if (request.page_token().empty()) {
      const auto enrolment = parts_.privacy.EnrolmentOf(request.candidate_id());
      if (!enrolment.ok()) return enrolment.status();
      for (const auto& one : enrolment->registrations) {
        auto* to = response->add_registrations();
        ToProto(one.registration, to);
        for (const std::string& id : one.sessions) to->add_session_ids(IdFromBytes(id));
      }
      if (enrolment->standing) {
        ToProto(*enrolment->standing, response->mutable_standing_accommodation());
      }
    }
    // Every page gives something away. Of whom nothing is kept, the journal keeps nothing either.
    const bool known = !held->empty() || response->registrations_size() > 0 ||
                       response->has_standing_accommodation();
    if (known) {
      INVIGIL_RETURN_IF_ERROR(RemarkExport(call.principal().subject, request.candidate_id()));
    }
    for (const HeldSession& one : *held) {
      if (one.session <= after) continue;
      if (response->sessions_size() == static_cast<int>(kSessionsInPage)) {
        response->set_next_page_token(
            response->sessions(response->sessions_size() - 1).session_id());
        break;
      }
      INVIGIL_RETURN_IF_ERROR(Show(one, response->add_sessions()));
    }
    log::Audit("candidate_exported", "what is kept of a candidate was given out",
               {{"known", known},
                {"registrations", int64_t{response->registrations_size()}},
                {"sessions", int64_t{response->sessions_size()}},
                {"subject", call.principal().subject},
                {"trace_id", call.trace().trace_id}});
    return absl::OkStatus();
  }

  // Nothing is given out that the journal does not tell of.
  absl::Status RemarkExport(const std::string& actor, const std::string& candidate_id) const {
    Remark remark;
    remark.kind = kExported;
    remark.actor = actor;
    remark.person = candidate_id;
    absl::Status stored = parts_.remark(std::move(remark));
    if (!absl::IsResourceExhausted(stored)) return stored;
    return ResourceExhausted("PRIVACY_BUSY", "the journal has no room for a remark; try again",
                             Seconds(1));
  }

  absl::Status Show(const HeldSession& held, v1::ExportedSession* to) {
    State state;
    INVIGIL_RETURN_IF_ERROR(parts_.reader->ReadLog(
        held.session,
        [&](uint64_t, Time at, const Event& event) { return Apply(state, event, at); }));
    to->set_session_id(held.session.ToHex());
    to->set_exam_id(held.exam_id);
    to->set_state(static_cast<v1::SessionState>(state.state));
    if (state.form) {
      to->set_exam_version(state.form->exam_version());
      Receipt(state, to->mutable_responses());
    }
    if (state.started_at) Set(*state.started_at, to->mutable_start_time());
    if (state.ended_at) Set(*state.ended_at, to->mutable_end_time());
    if (state.extras) {
      ShowMarks(state, to->mutable_marks());
      for (const Message& message : state.extras->messages) {
        ShowMessage(message, to->add_messages());
      }
    }
    if (state.state == SessionState::kReleased && state.report &&
        !to->mutable_report()->ParseFromString(*state.report)) {
      return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT", "a report can't be read");
    }
    const auto timeline = ReadTimeline(*parts_.reader, held.session);
    if (!timeline.ok()) return timeline.status();
    for (const TimelineEntry& entry : *timeline) ToProto(entry, to->add_timeline());
    return absl::OkStatus();
  }

  absl::Status Erase(const UnaryCall& call, const v1::EraseCandidateRequest& request,
                     v1::EraseCandidateResponse* response) {
    const auto receipt = parts_.privacy.Erase({.candidate_id = request.candidate_id(),
                                               .request_id = request.request_id(),
                                               .actor = call.principal().subject,
                                               .reason = request.reason()});
    // One that failed may have done a part, which is ended later.
    log::Audit("candidate_erased", "a candidate was to be erased",
               {{"outcome", receipt.ok() ? "OK" : ReasonOf(receipt.status())},
                {"pseudonym", receipt.ok() ? receipt->person : ""},
                {"sessions", receipt.ok() ? receipt->counts.sessions : 0},
                {"subject", call.principal().subject},
                {"trace_id", call.trace().trace_id}});
    if (!receipt.ok()) return receipt.status();
    response->set_pseudonym(receipt->person);
    response->set_sessions(receipt->counts.sessions);
    response->set_events(receipt->counts.events);
    response->set_starts(receipt->counts.starts);
    response->set_refusals(receipt->counts.refusals);
    response->set_notices(receipt->counts.notices);
    response->set_registrations(receipt->counts.registrations);
    response->set_sittings(receipt->counts.sittings);
    response->set_accommodations(receipt->counts.accommodations);
    response->set_requests(receipt->counts.requests);
    response->set_traces(receipt->traces);
    response->set_item_bank_told(receipt->bank_told);
    return absl::OkStatus();
  }

  const PrivacyParts parts_;
  const rpc::Method& export_ =
      parts_.guard.Find("/invigil.session.v1.PrivacyService/ExportCandidate");
  const rpc::Method& erase_ =
      parts_.guard.Find("/invigil.session.v1.PrivacyService/EraseCandidate");
  const rpc::Method& retention_ =
      parts_.guard.Find("/invigil.session.v1.PrivacyService/ApplyRetention");
  Readings work_;  // last: it uses the above
};

}  // namespace

std::shared_ptr<grpc::Service> MakePrivacyService(PrivacyParts parts) {
  return std::make_shared<PrivacyServiceImpl>(std::move(parts));
}

}  // namespace invigil::session
