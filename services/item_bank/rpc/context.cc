#include "services/item_bank/rpc/context.h"

#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"

namespace invigil::item_bank {

void Read(const Context& context, rpc::Executor& executor, rpc::UnaryCall* call,
          std::function<absl::Status(Connection&)> work) {
  rpc::RunOrRefuse(executor, call, [&store = context.store, call, work = std::move(work)] {
    if (call->cancelled()) return call->Finish(absl::CancelledError("the caller left"));
    absl::Status status;
    {
      const auto db = store.readers().Take();
      status = work(*db);
    }
    call->Finish(status);
  });
}

void WriteOnce(const Context& context, rpc::UnaryCall* call, const std::string& method,
               const std::string& request_id, const google::protobuf::MessageLite& request,
               google::protobuf::MessageLite* response,
               std::function<absl::Status(Connection&)> work) {
  if (request_id.empty() || request_id.size() > 64) {
    return call->Finish(InvalidArgument("REQUEST_ID_INVALID",
                                        "choose a request_id of 1 to 64 characters; the same id "
                                        "gives the same answer")
                            .Field("request_id", "must be 1 to 64 characters"));
  }
  // The hash covers the method, so that one id can't stand for two different acts.
  auto job = [method, request_id, &request, response, work = std::move(work),
              caller = call->principal().subject, now = context.clock.Now()](Connection& db) {
    const std::string hash = Sha256Hex(method + "\n" + request.SerializeAsString());
    const auto known = db.requests.Find(caller, request_id, hash);
    if (!known.ok()) return known.status();
    if (*known) {
      return response->ParseFromString(**known)
                 ? absl::OkStatus()
                 : Internal("a remembered answer can't be read").Build();
    }
    response->Clear();  // of an attempt that lost a race
    INVIGIL_RETURN_IF_ERROR(work(db));
    return db.requests.Insert(caller, request_id, hash, response->SerializeAsString(), now);
  };
  const bool queued = context.store.writer().Submit(
      std::move(job), [call](const absl::Status& status) { call->Finish(status); });
  if (!queued) {
    call->Finish(ResourceExhausted("OVERLOADED", "too many writes are waiting: try again shortly"));
  }
}

}  // namespace invigil::item_bank
