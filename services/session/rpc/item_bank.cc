#include "services/session/rpc/item_bank.h"

#include <grpcpp/grpcpp.h>

#include <map>
#include <mutex>

#include "common/client/channel.h"
#include "common/error/error.h"
#include "common/rpc/status.h"
#include "invigil/itembank/v1/exam.grpc.pb.h"
#include "invigil/itembank/v1/form.grpc.pb.h"

namespace invigil::session {
namespace {

namespace bank = itembank::v1;

constexpr Duration kRemember = Seconds(5);
constexpr Duration kTellTime = Seconds(5);

absl::Status NoSuchExam(const std::string& exam_id) {
  // Not cut short when it is long: half a character would make the whole status unreadable.
  return NotFound("EXAM_NOT_FOUND",
                  "there is no " +
                      (exam_id.size() > 64 ? "such exam" : "exam \"" + exam_id + "\"") +
                      "; ListExams names those there are")
      .Field("exam_id", "unknown")
      .Build();
}

// The item bank's refusals as a candidate's client should read them.
absl::Status Translate(const absl::Status& status, const std::string& exam_id) {
  if (status.ok()) return status;
  const std::string reason = ReasonOf(status);
  if (reason == "EXAM_NOT_FOUND") return NoSuchExam(exam_id);
  if (reason == "FORM_INFEASIBLE")
    return FailedPrecondition("EXAM_UNAVAILABLE", std::string(status.message()))
        .With("exam_id", exam_id)
        .Build();
  if (status.code() == absl::StatusCode::kInternal ||
      status.code() == absl::StatusCode::kInvalidArgument)
    return status;
  return Unavailable("ITEM_BANK_UNAVAILABLE",
                     "the item bank doesn't answer; no clock runs: try again shortly")
      .Build();
}

class ItemBankClient final : public ItemBank {
 public:
  ItemBankClient(std::shared_ptr<grpc::Channel> channel, auth::ServiceIdentity& identity,
                 const Clock& clock)
      : exams_(bank::ExamService::NewStub(channel)),
        forms_(bank::FormService::NewStub(channel)),
        identity_(identity),
        clock_(clock) {}

  void CheckExam(const std::string& exam_id, Duration time_left,
                 const telemetry::TraceContext& trace,
                 std::function<void(absl::Status)> done) override {
    if (auto known = Remembered(exam_id)) {
      done(*known);
      return;
    }
    ListPage("", exam_id, time_left, trace, std::move(done));
  }

  void IssueForm(const SessionId& session, const std::string& exam_id,
                 const std::string& candidate_id, Duration time_left,
                 const telemetry::TraceContext& trace,
                 std::function<void(absl::StatusOr<IssuedForm>)> done) override {
    auto call = std::make_shared<FormCall>();
    call->exam_id = exam_id;
    call->end = clock_.Monotonic() + time_left;
    call->trace = trace;
    call->done = std::move(done);
    call->issue.set_session_id(session.ToHex());
    call->issue.set_exam_id(exam_id);
    call->issue.set_candidate_id(candidate_id);
    client::Prepare(call->issue_context, time_left, identity_.Token(), trace);
    forms_->async()->IssueForm(&call->issue_context, &call->issue, &call->issued,
                               [this, call](grpc::Status status) {
                                 if (!status.ok()) {
                                   call->done(Translate(rpc::FromGrpc(status), call->exam_id));
                                   return;
                                 }
                                 GetContent(call);
                               });
  }

 private:
  struct FormCall {
    std::string exam_id;
    Duration end{0};
    telemetry::TraceContext trace;
    std::function<void(absl::StatusOr<IssuedForm>)> done;
    grpc::ClientContext issue_context, content_context;
    bank::IssueFormRequest issue;
    bank::IssueFormResponse issued;
    bank::GetFormContentRequest ask;
    bank::GetFormContentResponse content;
  };
  struct ListCall {
    grpc::ClientContext context;
    bank::ListExamsRequest request;
    bank::ListExamsResponse response;
  };

  void GetContent(const std::shared_ptr<FormCall>& call) {
    call->ask.set_form_id(call->issued.form_id());
    client::Prepare(call->content_context, call->end - clock_.Monotonic(), identity_.Token(),
                    call->trace);
    forms_->async()->GetFormContent(&call->content_context, &call->ask, &call->content,
                                    [call](grpc::Status status) {
                                      if (status.ok()) {
                                        call->done(FromProto(call->issued, call->content));
                                      } else {
                                        call->done(Translate(rpc::FromGrpc(status), call->exam_id));
                                      }
                                    });
  }

  void ListPage(const std::string& page_token, const std::string& exam_id, Duration time_left,
                const telemetry::TraceContext& trace, std::function<void(absl::Status)> done) {
    auto call = std::make_shared<ListCall>();
    call->request.set_page_size(100);
    call->request.set_page_token(page_token);
    client::Prepare(call->context, time_left, identity_.Token(), trace);
    exams_->async()->ListExams(
        &call->context, &call->request, &call->response,
        [this, call, exam_id, time_left, trace, done = std::move(done)](grpc::Status status) {
          if (!status.ok()) {
            done(Translate(rpc::FromGrpc(status), exam_id));
            return;
          }
          Remember(call->response);
          if (auto known = Remembered(exam_id)) {
            done(*known);
          } else if (call->response.next_page_token().empty()) {
            done(NoSuchExam(exam_id));
          } else {
            ListPage(call->response.next_page_token(), exam_id, time_left, trace, done);
          }
        });
  }

  std::optional<absl::Status> Remembered(const std::string& exam_id) {
    const std::lock_guard lock(mutex_);
    const auto it = known_.find(exam_id);
    if (it == known_.end() || it->second.until < clock_.Monotonic()) return std::nullopt;
    return it->second.status;
  }

  void Remember(const bank::ListExamsResponse& response) {
    const std::lock_guard lock(mutex_);
    for (const bank::ExamSummary& exam : response.exams()) {
      known_[exam.exam_id()] = {
          exam.available() ? absl::OkStatus()
                           : FailedPrecondition("EXAM_UNAVAILABLE",
                                                "sessions of " + exam.exam_id() +
                                                    " can't start: " + exam.unavailable_reason())
                                 .With("exam_id", exam.exam_id())
                                 .Build(),
          clock_.Monotonic() + kRemember};
    }
  }

  struct Known {
    absl::Status status;
    Duration until{0};  // on the monotonic clock
  };
  const std::unique_ptr<bank::ExamService::Stub> exams_;
  const std::unique_ptr<bank::FormService::Stub> forms_;
  auth::ServiceIdentity& identity_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;  // under mutex_; as many as there are exams
};

}  // namespace

std::unique_ptr<ItemBank> MakeItemBank(std::shared_ptr<grpc::Channel> channel,
                                       auth::ServiceIdentity& identity, const Clock& clock) {
  return std::make_unique<ItemBankClient>(std::move(channel), identity, clock);
}

TellBank MakeTellBank(std::shared_ptr<grpc::Channel> channel, auth::ServiceIdentity& identity) {
  std::shared_ptr<bank::FormService::Stub> forms = bank::FormService::NewStub(channel);
  return [forms, &identity](const std::vector<SessionId>& sessions, const std::string& name) {
    bank::ForgetCandidateRequest request;
    bank::ForgetCandidateResponse response;
    for (const SessionId& session : sessions) request.add_session_ids(session.ToHex());
    request.set_pseudonym(name);
    grpc::ClientContext context;
    client::Prepare(context, kTellTime, identity.Token(), telemetry::TraceContext::New());
    return rpc::FromGrpc(forms->ForgetCandidate(&context, request, &response));
  };
}

}  // namespace invigil::session
