#include "services/gateway/forward/grpc_door.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <unordered_set>

#include "common/error/error.h"
#include "common/rpc/status.h"
#include "services/gateway/forward/calls.h"
#include "services/gateway/forward/front.h"
#include "services/gateway/forward/trace_header.h"

namespace invigil::gateway {
namespace {

using Caller = std::shared_ptr<const auth::Principal>;

std::string_view Find(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                      const char* name) {
  const auto it = metadata.find(name);
  if (it == metadata.end()) return {};
  return {it->second.data(), it->second.size()};
}

// What a call brought along; views into the call's own metadata.
Carried TakeAlong(const grpc::GenericCallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  return {Find(metadata, "authorization"), Find(metadata, "accept-language"),
          NextTraceparent(Find(metadata, "traceparent"))};
}

void CarryTrailersBack(const grpc::ClientContext& from, grpc::ServerContextBase& to) {
  for (const auto& [name, value] : from.GetServerTrailingMetadata()) {
    if (IsCarriedBack({name.data(), name.size()}))
      to.AddTrailingMetadata({name.data(), name.size()}, {value.data(), value.size()});
  }
}

grpc::Status NoMessage(const Method& method) {
  return rpc::ToGrpc(InvalidArgument("REQUEST_MALFORMED",
                                     "the call ended before a " + method.request_type + " came"));
}

// Answers at once.
class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(const absl::Status& status) { Finish(rpc::ToGrpc(status)); }
  void OnDone() override { delete this; }
};

// The unary path: one read, one call, one write with the status. Deletes itself in OnDone.
class UnaryReactor final : public grpc::ServerGenericBidiReactor, private UnaryCall {
 public:
  UnaryReactor(grpc::GenericCallbackServerContext& context, const Front& front,
               const Routes& routes, const Method& method, Caller caller, Carried carried,
               Duration began)
      : context_(context),
        front_(front),
        routes_(routes),
        method_(method),
        caller_(std::move(caller)),
        carried_(std::move(carried)),
        began_(began) {
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return End(NoMessage(method_));
    if (request_.Length() > method_.max_request_bytes) return End(rpc::ToGrpc(TooLarge(method_)));
    auto ticket = front_.TakePlace(method_);
    if (!ticket.ok()) return End(rpc::ToGrpc(ticket.status()));
    ticket_ = *std::move(ticket);
    const auto key = front_.Route(
        method_, *caller_,
        method_.routing_field == 0 ? std::string_view() : Contiguous(request_, &slice_, &storage_),
        carried_.traceparent);
    if (!key.ok()) return End(rpc::ToGrpc(key.status()));
    const CallDeadline asked = context_.deadline();
    const CallDeadline deadline = asked == CallDeadline::max()
                                      ? DeadlineAfter(routes_.default_deadline)
                                      : std::min(asked, DeadlineAfter(routes_.max_deadline));
    Forward(method_, *routes_.backends[static_cast<size_t>(method_.area)], *key, deadline,
            std::move(carried_));
  }
  void OnCancel() override { Cancel(); }
  void Done(grpc::Status status) override {
    CarryTrailersBack(answered(), context_);
    if (!status.ok()) return End(std::move(status));
    ticket_ = {};  // before the answer: who has it may call again
    front_.RecordEnd(method_, Door::kGrpc, 0, began_);
    StartWriteAndFinish(&reply_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void End(grpc::Status status) {
    ticket_ = {};
    front_.RecordEnd(method_, Door::kGrpc, status.error_code(), began_);
    Finish(std::move(status));
  }
  void OnDone() override { delete this; }

  grpc::GenericCallbackServerContext& context_;
  const Front& front_;
  const Routes& routes_;
  const Method& method_;
  const Caller caller_;
  Lanes::Ticket ticket_;
  Carried carried_;
  const Duration began_;
  grpc::Slice slice_;    // behind the routing key
  std::string storage_;  // the same, for a message in several pieces
};

class StreamReactor;

// The streams that are open, so that a drain can end them. Thread-safe.
class OpenStreams {
 public:
  void Add(StreamReactor* stream);
  void Remove(StreamReactor* stream);
  void EndAll();

 private:
  std::mutex mutex_;
  std::unordered_set<StreamReactor*> streams_;
  bool draining_ = false;
  telemetry::Gauge& open_ =
      telemetry::GetGauge("invigil_gateway_streams_open", "Streams open on the gRPC door.");
};

// The stream path: two pumps, one message at a time each. Deletes itself in OnDone, which comes
// after Finish, which only Upstream::OnEnd calls once an upstream call exists; so the upstream
// never meets a deleted reactor.
class StreamReactor final : public grpc::ServerGenericBidiReactor {
 public:
  StreamReactor(grpc::GenericCallbackServerContext& context, const Front& front,
                const Routes& routes, const Method& method, Caller caller, Carried carried,
                Duration began, OpenStreams& open)
      : context_(context),
        front_(front),
        routes_(routes),
        method_(method),
        caller_(std::move(caller)),
        carried_(std::move(carried)),
        began_(began),
        open_(open) {
    open_.Add(this);
    StartRead(&in_);
  }
  // Ends the call with `why`, as soon as what is running allows.
  void Abort(absl::Status why) {
    std::shared_ptr<StreamCall> upstream;
    {
      std::lock_guard lock(mutex_);
      if (abort_.ok()) abort_ = std::move(why);
      cancelled_ = true;
      upstream = upstream_;
    }
    if (upstream) upstream->Cancel();
  }

 private:
  class Upstream final : public StreamCall {
   public:
    explicit Upstream(StreamReactor& reactor) : reactor_(reactor) {}

   private:
    void OnSent() override { reactor_.StartRead(&reactor_.in_); }
    void OnMessage(grpc::ByteBuffer message) override {
      reactor_.out_ = std::move(message);
      reactor_.StartWrite(&reactor_.out_);
    }
    void OnEnd(grpc::Status status) override {
      CarryTrailersBack(context(), reactor_.context_);
      reactor_.End(std::move(status));
    }
    StreamReactor& reactor_;
  };

  void OnReadDone(bool ok) override {
    if (!upstream_) return Open(ok);
    if (!ok) return upstream_->CloseSend();
    if (in_.Length() > method_.max_request_bytes) {
      return Abort(TooLarge(method_));
    }
    upstream_->Send(std::move(in_));
  }

  void Open(bool ok) {
    if (!ok) return End(NoMessage(method_));
    if (in_.Length() > method_.max_request_bytes) return End(rpc::ToGrpc(TooLarge(method_)));
    auto ticket = front_.TakePlace(method_);
    if (!ticket.ok()) return End(rpc::ToGrpc(ticket.status()));
    ticket_ = *std::move(ticket);
    grpc::Slice slice;
    std::string storage;
    const auto key = front_.Route(
        method_, *caller_,
        method_.routing_field == 0 ? std::string_view() : Contiguous(in_, &slice, &storage),
        carried_.traceparent);
    if (!key.ok()) return End(rpc::ToGrpc(key.status()));
    std::optional<CallDeadline> deadline;
    if (context_.deadline() != CallDeadline::max()) deadline = context_.deadline();
    const auto upstream = std::make_shared<Upstream>(*this);
    bool cancelled;
    {
      std::lock_guard lock(mutex_);
      cancelled = cancelled_;
      if (!cancelled) upstream_ = upstream;
    }
    if (cancelled) return End(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled"));
    upstream->Open(method_, *routes_.backends[static_cast<size_t>(method_.area)], *key, deadline,
                   carried_, std::move(in_), method_.shape == Shape::kServerStream);
  }

  void OnWriteDone(bool ok) override { ok ? upstream_->ReadNext() : upstream_->Cancel(); }

  void OnCancel() override {
    std::shared_ptr<StreamCall> upstream;
    {
      std::lock_guard lock(mutex_);
      cancelled_ = true;
      upstream = upstream_;
    }
    if (upstream) upstream->Cancel();
  }

  void End(grpc::Status status) {
    {
      std::lock_guard lock(mutex_);
      if (!abort_.ok()) status = rpc::ToGrpc(abort_);
    }
    ticket_ = {};
    front_.RecordEnd(method_, Door::kGrpc, status.error_code(), began_);
    Finish(std::move(status));
  }
  void OnDone() override {
    open_.Remove(this);
    delete this;
  }

  grpc::GenericCallbackServerContext& context_;
  const Front& front_;
  const Routes& routes_;
  const Method& method_;
  const Caller caller_;
  Lanes::Ticket ticket_;
  Carried carried_;
  const Duration began_;
  OpenStreams& open_;
  grpc::ByteBuffer in_, out_;
  std::mutex mutex_;
  std::shared_ptr<StreamCall> upstream_;  // set once, under the lock
  bool cancelled_ = false;
  absl::Status abort_;  // why the gateway itself ended it
};

void OpenStreams::Add(StreamReactor* stream) {
  std::lock_guard lock(mutex_);
  streams_.insert(stream);
  open_.Add(1);
  if (draining_) stream->Abort(Draining());
}

void OpenStreams::Remove(StreamReactor* stream) {
  std::lock_guard lock(mutex_);
  streams_.erase(stream);
  open_.Add(-1);
}

void OpenStreams::EndAll() {
  std::lock_guard lock(mutex_);
  draining_ = true;
  for (StreamReactor* stream : streams_) stream->Abort(Draining());
}

}  // namespace

class GrpcDoor::Service final : public grpc::CallbackGenericService {
 public:
  Service(const Front& front, const Routes& routes) : front_(front), routes_(routes) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    const Method* method = front_.Find(context->method());
    if (!method) return new Refusal(front_.Unknown());
    const Duration began = front_.Now();
    Carried carried = TakeAlong(*context);
    auto caller = front_.Admit(*method, carried.authorization, carried.traceparent);
    if (!caller.ok()) {
      front_.RecordEnd(*method, Door::kGrpc, static_cast<int>(caller.status().code()), began);
      return new Refusal(caller.status());
    }
    if (method->shape == Shape::kUnary) {
      return new UnaryReactor(*context, front_, routes_, *method, *std::move(caller),
                              std::move(carried), began);
    }
    return new StreamReactor(*context, front_, routes_, *method, *std::move(caller),
                             std::move(carried), began, open_);
  }
  void EndStreams() { open_.EndAll(); }

 private:
  const Front& front_;
  const Routes& routes_;
  OpenStreams open_;
};

GrpcDoor::GrpcDoor(const Front& front, const Routes& routes)
    : service_(std::make_unique<Service>(front, routes)) {}
GrpcDoor::~GrpcDoor() = default;

void GrpcDoor::Register(grpc::ServerBuilder& builder) {
  builder.RegisterCallbackGenericService(service_.get());
  // A device that lost its network without a word would hold its streams for hours otherwise.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // gRPC unpacks a message whole before it looks at its size: 300 KB of gzip would be 300 MB here.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
}

void GrpcDoor::EndStreams() { service_->EndStreams(); }

}  // namespace invigil::gateway
