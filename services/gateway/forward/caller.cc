#include "services/gateway/forward/caller.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "common/error/error.h"
#include "services/gateway/forward/calls.h"

namespace invigil::gateway {
namespace {

// grpc-timeout can say 11,000 years, which as nanoseconds is not a number.
constexpr Duration kLongest = Minutes(60 * 24 * 365);

void Copy(const std::multimap<grpc::string_ref, grpc::string_ref>& from, Metadata* to) {
  for (const auto& [name, value] : from) {
    if (IsCarriedBack({name.data(), name.size()}))
      to->emplace_back(std::string(name.data(), name.size()),
                       std::string(value.data(), value.size()));
  }
}

CallEnd EndOf(const grpc::Status& status, const grpc::ClientContext& context) {
  CallEnd end{status.error_code(), status.error_message(), status.error_details(), {}, {}};
  Copy(context.GetServerTrailingMetadata(), &end.trailers);
  // Where no call came about there are no headers, and asking for them would be an error.
  if (status.ok()) Copy(context.GetServerInitialMetadata(), &end.headers);
  return end;
}

std::string Bytes(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  std::string storage;
  const std::string_view bytes = Contiguous(buffer, &slice, &storage);
  return storage.empty() ? std::string(bytes) : storage;
}

Carried CarriedOf(const CallRequest& request) {
  return {request.authorization, request.accept_language, request.traceparent};
}

class UnaryRun final : public RunningCall, private UnaryCall {
 public:
  UnaryRun(CallRequest request, std::function<void(CallEnd, std::string)> on_end)
      : what_(std::move(request)), on_end_(std::move(on_end)) {}
  void Start(std::shared_ptr<UnaryRun> self, Backend& backend, std::string_view key,
             CallDeadline deadline) {
    self_ = std::move(self);
    request_ = ToBuffer(what_.message);
    Forward(*what_.method, backend, key, deadline, CarriedOf(what_));
  }
  void Refuse(const absl::Status& status) { on_end_(CallEnd::From(status), {}); }
  void Cancel() override { UnaryCall::Cancel(); }
  const CallRequest& what() const { return what_; }

 private:
  void Done(grpc::Status status) override {
    const auto self = std::move(self_);
    const auto on_end = std::move(on_end_);
    CallEnd end = EndOf(status, answered());
    what_.ticket = {};
    on_end(std::move(end), status.ok() ? Bytes(reply_) : std::string());
  }
  CallRequest what_;
  std::function<void(CallEnd, std::string)> on_end_;
  std::shared_ptr<UnaryRun> self_;  // until Done
};

class StreamRun final : public RunningCall, public StreamCall {
 public:
  StreamRun(CallRequest request, std::function<void(std::string)> on_message,
            std::function<void(CallEnd)> on_end)
      : what_(std::move(request)), on_message_(std::move(on_message)), on_end_(std::move(on_end)) {}
  void Refuse(const absl::Status& status) { on_end_(CallEnd::From(status)); }
  void Cancel() override { StreamCall::Cancel(); }
  void ReadNext() override { StreamCall::ReadNext(); }
  const CallRequest& what() const { return what_; }

 private:
  void OnSent() override {}
  void OnMessage(grpc::ByteBuffer message) override { on_message_(Bytes(message)); }
  void OnEnd(grpc::Status status) override {
    what_.ticket = {};
    // Moved out, because they hold what holds this.
    const auto on_message = std::move(on_message_);
    const auto on_end = std::move(on_end_);
    on_end(EndOf(status, context()));
  }
  CallRequest what_;
  std::function<void(std::string)> on_message_;
  std::function<void(CallEnd)> on_end_;
};

}  // namespace

CallEnd CallEnd::From(const absl::Status& status) {
  return {static_cast<int>(status.code()),
          std::string(status.message()),
          EncodeStatusDetails(status),
          {},
          {}};
}

std::shared_ptr<RunningCall> Caller::Unary(CallRequest request,
                                           std::function<void(CallEnd, std::string)> on_end) const {
  auto call = std::make_shared<UnaryRun>(std::move(request), std::move(on_end));
  const CallRequest& what = call->what();
  const auto key = front_.Route(*what.method, *what.caller, what.message, what.traceparent);
  if (!key.ok()) {
    call->Refuse(key.status());
    return call;
  }
  const Duration time =
      std::min(what.timeout.value_or(routes_.default_deadline), routes_.max_deadline);
  call->Start(call, *routes_.backends[static_cast<size_t>(what.method->area)], *key,
              DeadlineAfter(time));
  return call;
}

std::shared_ptr<RunningCall> Caller::Stream(CallRequest request,
                                            std::function<void(std::string)> on_message,
                                            std::function<void(CallEnd)> on_end) const {
  auto call =
      std::make_shared<StreamRun>(std::move(request), std::move(on_message), std::move(on_end));
  const CallRequest& what = call->what();
  const auto key = front_.Route(*what.method, *what.caller, what.message, what.traceparent);
  if (!key.ok()) {
    call->Refuse(key.status());
    return call;
  }
  std::optional<CallDeadline> deadline;
  if (what.timeout) deadline = DeadlineAfter(std::min(*what.timeout, kLongest));
  call->Open(*what.method, *routes_.backends[static_cast<size_t>(what.method->area)], *key,
             deadline, {what.authorization, what.accept_language, what.traceparent},
             ToBuffer(what.message), true);
  return call;
}

}  // namespace invigil::gateway
