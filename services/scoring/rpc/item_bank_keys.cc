#include "services/scoring/rpc/item_bank_keys.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "common/client/channel.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/status.h"
#include "invigil/itembank/v1/key.grpc.pb.h"
#include "services/scoring/rpc/convert.h"

namespace invigil::scoring {
namespace {

using itembank::v1::GetScoringKeyRequest;
using itembank::v1::GetScoringKeyResponse;
using itembank::v1::KeyService;

// What one call needs until its answer; owned by its callback.
struct Call {
  grpc::ClientContext context;
  GetScoringKeyRequest request;
  GetScoringKeyResponse response;
};

absl::Status Explain(const absl::Status& status, const std::string& form_id,
                     const telemetry::TraceContext& trace) {
  if (status.code() == absl::StatusCode::kNotFound) {
    return NotFound("FORM_NOT_FOUND", "the item bank does not know the form")
        .With("form_id", form_id);
  }
  log::Warning("the item bank gave no key", {{"form_id", form_id},
                                             {"reason", ReasonOf(status)},
                                             {"error", status.ToString()},
                                             {"trace_id", trace.trace_id}});
  return Unavailable("ITEM_BANK_UNAVAILABLE",
                     "the item bank gave no key; try again: " + std::string(status.message()));
}

class ItemBankKeys final : public KeySource {
 public:
  ItemBankKeys(std::shared_ptr<grpc::Channel> channel, auth::ServiceIdentity& identity)
      : stub_(KeyService::NewStub(std::move(channel))), identity_(identity) {}

  void Fetch(const std::string& form_id, Duration time_left, const telemetry::TraceContext& trace,
             Done done) override {
    auto call = std::make_shared<Call>();
    call->request.set_form_id(form_id);
    client::Prepare(call->context, time_left, identity_.Token(), trace);
    stub_->async()->GetScoringKey(
        &call->context, &call->request, &call->response,
        [call, trace, done = std::move(done)](const grpc::Status& status) {
          const std::string& form_id = call->request.form_id();
          if (!status.ok()) {
            done(Explain(rpc::FromGrpc(status), form_id, trace));
          } else if (call->response.form_id() != form_id) {
            done(Explain(absl::InternalError("it answered with another form"), form_id, trace));
          } else {
            done(std::make_shared<const ScoringKey>(KeyFromProto(call->response)));
          }
        });
  }

 private:
  const std::unique_ptr<KeyService::Stub> stub_;
  auth::ServiceIdentity& identity_;
};

}  // namespace

std::unique_ptr<KeySource> MakeItemBankKeys(std::shared_ptr<grpc::Channel> channel,
                                            auth::ServiceIdentity& identity) {
  return std::make_unique<ItemBankKeys>(std::move(channel), identity);
}

}  // namespace invigil::scoring
