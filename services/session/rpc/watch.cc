#include "services/session/rpc/watch.h"

#include <optional>

#include "common/rpc/status.h"
#include "services/session/rpc/access.h"
#include "services/session/rpc/feed.h"

namespace invigil::session {
namespace {

// Sends the newest update; what a slow reader missed in between it need not see.
class Watch final : public grpc::ServerWriteReactor<v1::WatchSessionResponse> {
 public:
  Watch(const DeliveryParts& parts, const rpc::Method& method)
      : guard_(parts.guard),
        method_(method),
        clock_(parts.clock),
        begin_(parts.clock.Monotonic()) {}

  void Begin(grpc::CallbackServerContext& context, const std::string& session_id,
             const DeliveryParts& parts) {
    auto caller = guard_.Admit(context, method_, session_id);
    if (!caller.ok()) {
      End(caller.status());
      return;
    }
    caller_ = *std::move(caller);
    const auto session =
        NamedSession({guard_, method_}, *caller_.principal, session_id, caller_.trace);
    if (!session.ok()) {
      End(session.status());
      return;
    }
    feed_ = Feed::Start(parts, *session, caller_.principal->subject,
                        [weak = std::weak_ptr<Watch>(self_), session_id](
                            absl::StatusOr<v1::WatchSessionResponse> update, bool last) {
                          if (const auto self = weak.lock())
                            self->Take(std::move(update), last, session_id);
                        });
  }
  void Own(std::shared_ptr<Watch> self) { self_ = std::move(self); }

 private:
  void Take(absl::StatusOr<v1::WatchSessionResponse> update, bool last,
            const std::string& session_id) {
    if (!update.ok()) {
      AuditRefusal({guard_, method_}, update.status(), *caller_.principal, session_id,
                   caller_.trace);
      End(update.status());
      return;
    }
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    pending_ = *std::move(update);
    last_ = last_ || last;
    if (!writing_) WritePending();
  }
  // `mutex_` is held.
  void WritePending() {
    sending_ = *std::move(pending_);
    pending_.reset();
    writing_ = true;
    StartWrite(&sending_);
  }
  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      if (ok && pending_ && !ended_) {
        WritePending();
        return;
      }
      if (ok && !last_) return;
    }
    End(absl::OkStatus());
  }
  void OnCancel() override { End(absl::CancelledError("the client went away")); }
  void End(const absl::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      ended_ = true;
    }
    rpc::RecordEnd(method_, caller_.trace, absl::IsCancelled(status) ? absl::OkStatus() : status,
                   clock_.Monotonic() - begin_);
    Finish(rpc::ToGrpc(status));
  }
  void OnDone() override {
    feed_.reset();
    self_.reset();  // last: may delete this
  }

  const rpc::Guard& guard_;
  const rpc::Method& method_;
  const Clock& clock_;
  const Duration begin_;
  rpc::Caller caller_;
  std::shared_ptr<Watch> self_;
  std::shared_ptr<Feed> feed_;
  std::mutex mutex_;
  std::optional<v1::WatchSessionResponse> pending_;  // under mutex_
  v1::WatchSessionResponse sending_;                 // while writing_
  bool writing_ = false, last_ = false, ended_ = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchSessionResponse>* WatchReactor(
    grpc::CallbackServerContext& context, const std::string& session_id, const DeliveryParts& parts,
    const rpc::Method& method) {
  auto watch = std::make_shared<Watch>(parts, method);
  watch->Own(watch);
  watch->Begin(context, session_id, parts);
  return watch.get();
}

}  // namespace invigil::session
