#include "services/item_bank/rpc/form_services.h"

#include <utility>

#include "common/error/error.h"
#include "invigil/itembank/v1/form.grpc.pb.h"
#include "invigil/itembank/v1/key.grpc.pb.h"
#include "services/item_bank/rpc/answers.h"
#include "services/item_bank/store/issue.h"

namespace invigil::item_bank {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using rpc::UnaryCall;

constexpr size_t kMaxId = 128;
constexpr int kMaxForgotten = 100;

absl::Status CheckIds(std::initializer_list<std::pair<const char*, const std::string*>> ids) {
  Error error = InvalidArgument("REQUEST_INVALID", "the request lacks an id it needs");
  bool good = true;
  for (const auto& [field, value] : ids) {
    if (!value->empty() && value->size() <= kMaxId) continue;
    error.Field(field, "must be 1 to 128 characters");
    good = false;
  }
  if (good) return absl::OkStatus();
  return error;
}

class FormAdapter final : public v1::FormService::CallbackService {
 public:
  explicit FormAdapter(const Context& context)
      : context_(context),
        issue_(context.guard.Find("/invigil.itembank.v1.FormService/IssueForm")),
        content_(context.guard.Find("/invigil.itembank.v1.FormService/GetFormContent")),
        forget_(context.guard.Find("/invigil.itembank.v1.FormService/ForgetCandidate")) {}

  ServerUnaryReactor* IssueForm(CallbackServerContext* context, const v1::IssueFormRequest* request,
                                v1::IssueFormResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, issue_);
    if (!call->admitted()) return call;
    const absl::Status ids = CheckIds({{"exam_id", &request->exam_id()},
                                       {"session_id", &request->session_id()},
                                       {"candidate_id", &request->candidate_id()}});
    if (!ids.ok()) {
      call->Finish(ids);
      return call;
    }
    rpc::RunOrRefuse(context_.forms, call, [=, this] {
      if (call->cancelled()) return call->Finish(absl::CancelledError("the caller left"));
      item_bank::IssueForm(context_.store, context_.clock,
                           {request->exam_id(), request->session_id(), request->candidate_id()},
                           [=, this](absl::StatusOr<IssuedForm> form) {
                             if (form.ok()) Answer(*form, context_.store.secret(), response);
                             call->Finish(form.status());
                           });
    });
    return call;
  }

  ServerUnaryReactor* GetFormContent(CallbackServerContext* context,
                                     const v1::GetFormContentRequest* request,
                                     v1::GetFormContentResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, content_);
    if (!call->admitted()) return call;
    Read(context_, context_.forms, call, [=, this](Connection& db) {
      const auto form = FindForm(context_.store, db, request->form_id());
      if (form.ok()) Answer(*form, context_.store.secret(), response);
      return form.status();
    });
    return call;
  }

  ServerUnaryReactor* ForgetCandidate(CallbackServerContext* context,
                                      const v1::ForgetCandidateRequest* request,
                                      v1::ForgetCandidateResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, forget_);
    if (!call->admitted()) return call;
    absl::Status status = CheckIds({{"pseudonym", &request->pseudonym()}});
    if (status.ok() && request->session_ids_size() > kMaxForgotten) {
      status = InvalidArgument("REQUEST_INVALID", "name fewer sessions")
                   .Field("session_ids", "must be up to 100");
    }
    if (!status.ok()) {
      call->Finish(status);
      return call;
    }
    const bool queued = context_.store.writer().Submit(
        [request, response](Connection& db) -> absl::Status {
          response->set_forms(0);  // it may run again
          for (const std::string& session : request->session_ids()) {
            const auto renamed = db.forms.Rename(session, request->pseudonym());
            if (!renamed.ok()) return renamed.status();
            response->set_forms(response->forms() + (*renamed ? 1 : 0));
          }
          return absl::OkStatus();
        },
        [call](const absl::Status& done) { call->Finish(done); });
    if (!queued) call->Finish(ResourceExhausted("OVERLOADED", "too many writes wait; try again"));
    return call;
  }

 private:
  const Context context_;
  const rpc::Method &issue_, &content_, &forget_;
};

class KeyAdapter final : public v1::KeyService::CallbackService {
 public:
  explicit KeyAdapter(const Context& context)
      : context_(context),
        get_(context.guard.Find("/invigil.itembank.v1.KeyService/GetScoringKey")) {}

  ServerUnaryReactor* GetScoringKey(CallbackServerContext* context,
                                    const v1::GetScoringKeyRequest* request,
                                    v1::GetScoringKeyResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, get_);
    if (!call->admitted()) return call;
    Read(context_, context_.forms, call, [=, this](Connection& db) {
      const auto form = FindForm(context_.store, db, request->form_id());
      if (form.ok()) Answer(*form, response);
      return form.status();
    });
    return call;
  }

 private:
  const Context context_;
  const rpc::Method& get_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeFormService(const Context& context) {
  return std::make_unique<FormAdapter>(context);
}
std::unique_ptr<grpc::Service> MakeKeyService(const Context& context) {
  return std::make_unique<KeyAdapter>(context);
}

}  // namespace invigil::item_bank
