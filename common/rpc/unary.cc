#include "common/rpc/unary.h"

#include "common/base/clock.h"
#include "common/base/deadline.h"
#include "common/rpc/status.h"

namespace invigil::rpc {
namespace {

// For measuring only; decisions use the injected clock.
Duration Monotonic() {
  static const SystemClock clock;
  return clock.Monotonic();
}

}  // namespace

UnaryCall::UnaryCall(grpc::CallbackServerContext& context, const Method& method)
    : context_(context), method_(method), begin_(Monotonic()) {}

UnaryCall* UnaryCall::Begin(grpc::CallbackServerContext& context, const Guard& guard,
                            const Method& method, std::string_view session) {
  auto* call = new UnaryCall(context, method);
  auto caller = guard.Admit(context, method, session);
  if (!caller.ok()) {
    call->caller_.trace = Guard::TraceOf(context);
    call->Finish(caller.status());
    return call;
  }
  call->caller_ = *std::move(caller);
  call->admitted_ = true;
  return call;
}

Duration UnaryCall::TimeLeft(Duration cap) const { return UntilDeadline(context_.deadline(), cap); }

void UnaryCall::Finish(const absl::Status& status) {
  RecordEnd(method_, caller_.trace, status, Monotonic() - begin_);
  grpc::ServerUnaryReactor::Finish(ToGrpc(status));
}

}  // namespace invigil::rpc
