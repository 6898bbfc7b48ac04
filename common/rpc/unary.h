// One unary call, from admission to its single answer.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <string_view>

#include "common/base/time.h"
#include "common/rpc/guard.h"

namespace invigil::rpc {

// The reactor of a unary call. Use in a generated CallbackService:
//
//   grpc::ServerUnaryReactor* GetScore(grpc::CallbackServerContext* context, const GetScoreRequest*
//   request,
//                                      GetScoreResponse* response) override {
//     auto* call = UnaryCall::Begin(*context, guard_, get_score_);
//     if (call->admitted()) {
//       executor_.Run(call, [=, this] { call->Finish(Load(*request, *response)); });
//     }
//     return call;
//   }
//
// Finish must be called exactly once for an admitted call, from any thread; request and response
// live until then. The object deletes itself when gRPC is done with it.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  // Admits the caller; a refused call is already finished with the reason. `session`: what the
  // request names, for the audit.
  static UnaryCall* Begin(grpc::CallbackServerContext& context, const Guard& guard,
                          const Method& method, std::string_view session = {});

  bool admitted() const { return admitted_; }
  const Method& method() const { return method_; }
  const auth::Principal& principal() const { return *caller_.principal; }
  const telemetry::TraceContext& trace() const { return caller_.trace; }
  // What is left of the caller's deadline, at most `cap`; never negative.
  Duration TimeLeft(Duration cap = Seconds(30)) const;
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  void Finish(const absl::Status& status);

 private:
  UnaryCall(grpc::CallbackServerContext& context, const Method& method);
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { delete this; }

  grpc::CallbackServerContext& context_;
  const Method& method_;
  const Duration begin_;
  Caller caller_;
  bool admitted_ = false;
  std::atomic<bool> cancelled_{false};
};

}  // namespace invigil::rpc
