#include "services/gateway/forward/calls.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "common/error/error.h"
#include "common/rpc/status.h"

namespace invigil::gateway {
namespace {

// A second attempt with less time than this would only end as late.
constexpr Duration kLeastTimeToRetry = Millis(5);

// gRPC ends the process when it is told to send any other value.
bool IsLegalValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void Prepare(grpc::ClientContext& context, const Carried& carried) {
  if (!carried.authorization.empty())
    context.AddMetadata("authorization", std::string(carried.authorization));
  if (!carried.traceparent.empty()) context.AddMetadata("traceparent", carried.traceparent);
  // The caller's own bytes; what can't be a language is left out, as an unknown language would be.
  if (!carried.accept_language.empty() && IsLegalValue(carried.accept_language))
    context.AddMetadata("accept-language", std::string(carried.accept_language));
}

// UNAVAILABLE without details comes from the way to the service, not from the service, which gives
// reasons: only the former may succeed elsewhere.
bool IsUnreachable(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty();
}

// A server that shuts down cancels the calls it had not taken up. When nobody here cancelled, that
// is a replica out of reach, and not what the caller asked for.
grpc::Status Understood(grpc::Status status, bool cancelled_here) {
  if (status.error_code() != grpc::StatusCode::CANCELLED || cancelled_here ||
      !status.error_details().empty())
    return status;
  return {grpc::StatusCode::UNAVAILABLE, "the replica is shutting down"};
}

// A gRPC service says UNIMPLEMENTED, and no more, of a request it can't parse, and of a method it
// does not have.
absl::Status WhyUnimplemented(const Method& method, const Backend& backend,
                              const grpc::ByteBuffer& request) {
  grpc::Slice slice;
  std::string storage;
  if (!IsRequest(method, Contiguous(request, &slice, &storage)))
    return InvalidArgument("REQUEST_MALFORMED", "the request is not a " + method.request_type);
  return Error(absl::StatusCode::kUnimplemented, "METHOD_MISSING",
               "the " + backend.name() + " service does not have " + method.name +
                   "; it may be older than this gateway");
}

// Errors gRPC makes on its own get a reason, as all others have.
grpc::Status WithReason(grpc::Status status, const Method& method, const Backend& backend,
                        const grpc::ByteBuffer& request) {
  if (status.ok() || !status.error_details().empty()) return status;
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return rpc::ToGrpc(
          Unavailable("BACKEND_UNAVAILABLE",
                      "the " + backend.name() + " service can't be reached; try again", Millis(500))
              .With("service", backend.name()));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return rpc::ToGrpc(Error(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                               "the " + backend.name() +
                                   " service did not answer in the time given; allow more or try "
                                   "again"));
    case grpc::StatusCode::UNIMPLEMENTED:
      if (!status.error_message().empty()) return status;
      return rpc::ToGrpc(WhyUnimplemented(method, backend, request));
    default:
      return status;
  }
}

}  // namespace

void UnaryCall::Forward(const Method& method, Backend& backend, std::string_view key,
                        CallDeadline deadline, Carried carried) {
  method_ = &method;
  backend_ = &backend;
  key_ = key;
  deadline_ = deadline;
  carried_ = std::move(carried);
  replica_ = backend.Pick(key);
  backend.budget().NoteRequest();
  Send();
}

void UnaryCall::Send() {
  grpc::ClientContext& context = contexts_[attempt_].emplace();
  context.set_deadline(deadline_);
  Prepare(context, carried_);
  // Cancel sets the flag and then reads the pointer; here it is the other way round, so that one of
  // the two always sees the other.
  current_ = &context;
  if (cancelled_) context.TryCancel();
  backend_->stub(replica_).UnaryCall(&context, method_->path, {}, &request_, &reply_,
                                     [this](grpc::Status status) { OnAnswer(std::move(status)); });
}

void UnaryCall::OnAnswer(grpc::Status status) {
  status = Understood(std::move(status), cancelled_);
  if (IsUnreachable(status)) {
    backend_->ReportUnreachable(replica_);
    if (attempt_ == 0 && method_->retryable && !cancelled_ &&
        UntilDeadline(deadline_, Seconds(1)) > kLeastTimeToRetry && backend_->budget().TryTake()) {
      replica_ = backend_->Pick(key_, replica_);
      attempt_ = 1;
      backend_->CountRetry();
      Send();
      return;
    }
  }
  Done(WithReason(std::move(status), *method_, *backend_, request_));
}

void UnaryCall::Cancel() {
  cancelled_ = true;
  if (grpc::ClientContext* context = current_) context->TryCancel();
}

void StreamCall::Open(const Method& method, Backend& backend, std::string_view key,
                      std::optional<CallDeadline> deadline, const Carried& carried,
                      grpc::ByteBuffer first, bool last) {
  method_ = &method;
  backend_ = &backend;
  replica_ = backend.Pick(key);
  out_ = std::move(first);
  if (deadline) context_.set_deadline(*deadline);
  Prepare(context_, carried);
  self_ = shared_from_this();
  backend.stub(replica_).PrepareBidiStreamingCall(&context_, method.path, {}, this);
  {
    std::lock_guard lock(mutex_);
    sending_ = !last;
    reading_ = read_pending_ = true;
    if (cancelled_) context_.TryCancel();
    AddMultipleHolds(last ? 1 : 2);
  }
  if (last) {
    StartWriteLast(&out_, grpc::WriteOptions());
  } else {
    StartWrite(&out_);
  }
  StartRead(&in_);
  StartCall();
}

void StreamCall::Send(grpc::ByteBuffer message) {
  std::lock_guard lock(mutex_);
  if (!sending_) return;
  out_ = std::move(message);
  StartWrite(&out_);
}

void StreamCall::CloseSend() {
  {
    std::lock_guard lock(mutex_);
    if (!sending_) return;
    StartWritesDone();
  }
  ReleaseSending();
}

void StreamCall::ReadNext() {
  std::lock_guard lock(mutex_);
  if (!reading_) return;
  read_pending_ = true;
  StartRead(&in_);
}

void StreamCall::Cancel() {
  bool read_pending;
  {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    read_pending = read_pending_;
  }
  context_.TryCancel();
  ReleaseSending();
  // A pending read comes back and lets go by itself.
  if (!read_pending) ReleaseReading();
}

void StreamCall::OnWriteDone(bool ok) {
  if (ok) {
    OnSent();
  } else {
    ReleaseSending();
  }
}

void StreamCall::OnReadDone(bool ok) {
  bool cancelled;
  {
    std::lock_guard lock(mutex_);
    read_pending_ = false;
    cancelled = cancelled_;
  }
  if (ok && !cancelled) {
    OnMessage(std::move(in_));
    return;
  }
  ReleaseSending();
  ReleaseReading();
}

void StreamCall::OnDone(const grpc::Status& end) {
  bool cancelled;
  {
    std::lock_guard lock(mutex_);
    cancelled = cancelled_;
  }
  const grpc::Status status = Understood(end, cancelled);
  if (IsUnreachable(status)) backend_->ReportUnreachable(replica_);
  const auto self = std::move(self_);
  OnEnd(WithReason(status, *method_, *backend_, out_));
}

void StreamCall::ReleaseSending() {
  {
    std::lock_guard lock(mutex_);
    if (!sending_) return;
    sending_ = false;
  }
  RemoveHold();
}

void StreamCall::ReleaseReading() {
  {
    std::lock_guard lock(mutex_);
    if (!reading_) return;
    reading_ = false;
  }
  RemoveHold();
}

bool IsCarriedBack(std::string_view name) {
  return name.substr(0, 5) != "grpc-" && name.substr(0, 1) != ":" && name != "content-type" &&
         name != "user-agent" && name != "te" && name != "date" && name != "server";
}

std::string_view Contiguous(const grpc::ByteBuffer& buffer, grpc::Slice* slice,
                            std::string* storage) {
  if (buffer.TrySingleSlice(slice).ok())
    return {reinterpret_cast<const char*>(slice->begin()), slice->size()};
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return {};
  storage->reserve(buffer.Length());
  for (const grpc::Slice& part : slices)
    storage->append(reinterpret_cast<const char*>(part.begin()), part.size());
  return *storage;
}

grpc::ByteBuffer ToBuffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace invigil::gateway
