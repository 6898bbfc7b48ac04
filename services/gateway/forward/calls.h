// Calls to a backend as bytes, used by both doors. Nothing here reads a message.
#pragma once

#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/deadline.h"
#include "services/gateway/forward/backend.h"
#include "services/gateway/forward/catalogue.h"

namespace invigil::gateway {

// What a call takes along. An allow list: everything else a caller sends stays outside, above all
// names a service might believe. The views must live until the call is done.
struct Carried {
  std::string_view authorization;
  std::string_view accept_language;
  std::string traceparent;  // already the next span's
};

// A unary call, sent a second time when a replica can't be reached, the method allows it, the
// budget too, and time is left. Owned by whoever derives from it; must live until Done.
class UnaryCall {
 public:
  virtual ~UnaryCall() = default;
  // From any thread, at any time before Done returns.
  void Cancel();

 protected:
  // Sends `request` to the replica for `key`. `key` is used before this returns and kept as a hash
  // would be: it must live until Done.
  void Forward(const Method& method, Backend& backend, std::string_view key, CallDeadline deadline,
               Carried carried);
  // Exactly once, on a gRPC thread. `reply` is empty unless `status` is OK.
  virtual void Done(grpc::Status status) = 0;

  // The attempt that was answered; valid in Done.
  const grpc::ClientContext& answered() const { return *contexts_[attempt_]; }

  grpc::ByteBuffer request_, reply_;

 private:
  void Send();
  void OnAnswer(grpc::Status status);

  const Method* method_ = nullptr;
  Backend* backend_ = nullptr;
  std::string_view key_;
  CallDeadline deadline_;
  Carried carried_;
  int replica_ = -1;
  int attempt_ = 0;
  std::optional<grpc::ClientContext> contexts_[2];
  std::atomic<grpc::ClientContext*> current_{nullptr};
  std::atomic<bool> cancelled_{false};
};

// A call with streams. One message travels each way at a time; the consumer asks for the next, so a
// slow candidate slows the service and nothing piles up here. Keeps itself alive until OnEnd.
class StreamCall : private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                   public std::enable_shared_from_this<StreamCall> {
 public:
  ~StreamCall() override = default;
  // Starts with the first message. `last`: no more will be sent. Nothing is retried. `deadline`:
  // none when empty. The first answer is read without asking.
  void Open(const Method& method, Backend& backend, std::string_view key,
            std::optional<CallDeadline> deadline, const Carried& carried, grpc::ByteBuffer first,
            bool last);
  // After OnSent; ignored once the backend has ended the call.
  void Send(grpc::ByteBuffer message);
  void CloseSend();
  // After OnMessage was dealt with.
  void ReadNext();
  void Cancel();

 protected:
  // These run on gRPC threads, one of each kind at a time.
  virtual void OnSent() = 0;
  virtual void OnMessage(grpc::ByteBuffer message) = 0;
  // Last of all.
  virtual void OnEnd(grpc::Status status) = 0;
  const grpc::ClientContext& context() const { return context_; }

 private:
  void OnWriteDone(bool ok) final;
  void OnReadDone(bool ok) final;
  void OnDone(const grpc::Status& status) final;
  void ReleaseSending();
  void ReleaseReading();

  const Method* method_ = nullptr;
  Backend* backend_ = nullptr;
  int replica_ = -1;
  grpc::ClientContext context_;
  grpc::ByteBuffer in_, out_;
  std::shared_ptr<StreamCall> self_;
  // gRPC ends a call when nothing is pending. Each side holds it open while it may still start
  // something: `sending_` and `reading_` say that its hold is still there.
  std::mutex mutex_;
  bool sending_ = false, reading_ = false, read_pending_ = false, cancelled_ = false;
};

// The answer's metadata that travels on: not those gRPC itself sends.
bool IsCarriedBack(std::string_view name);

// The bytes of `buffer` in one piece, copied to `storage` only when they are in several.
std::string_view Contiguous(const grpc::ByteBuffer& buffer, grpc::Slice* slice,
                            std::string* storage);
grpc::ByteBuffer ToBuffer(std::string_view bytes);

}  // namespace invigil::gateway
