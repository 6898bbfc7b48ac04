// A server stream that sends a piece of work whenever it has moved, one message at a time.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/rpc/status.h"
#include "common/rpc/unary.h"
#include "services/scoring/rpc/watches.h"

namespace invigil::scoring {

template <typename Record, typename Message>
class WatchReactor final : public grpc::ServerWriteReactor<Message> {
 public:
  // Fills the message of a record; gives whether the work is over, and this message the last.
  using Fill = std::function<absl::StatusOr<bool>(const Record&, Message*)>;

  // The reactor of a call that watches `id`; gRPC's own from then on. All references outlive it.
  static WatchReactor* Begin(grpc::CallbackServerContext& context, const rpc::Guard& guard,
                             const rpc::Method& method, const Clock& clock,
                             Watches<Record>& watches, const std::string& id, Fill fill) {
    auto* watch = new WatchReactor(method, clock, std::move(fill));
    watch->self_ = std::shared_ptr<WatchReactor>(watch);
    auto caller = guard.Admit(context, method);
    if (!caller.ok()) {
      watch->End(caller.status());
      return watch;
    }
    watch->caller_ = *std::move(caller);
    watches.Add(id, [weak = std::weak_ptr<WatchReactor>(watch->self_)](
                        const absl::StatusOr<Record>& record) {
      const auto self = weak.lock();
      return self && self->Tell(record);
    });
    return watch;
  }

 private:
  WatchReactor(const rpc::Method& method, const Clock& clock, Fill fill)
      : method_(method), clock_(clock), fill_(std::move(fill)), begin_(clock.Monotonic()) {}

  bool Tell(const absl::StatusOr<Record>& record) {
    // The store is busy: the next look tells more.
    if (absl::IsUnavailable(record.status()) || absl::IsResourceExhausted(record.status())) {
      const std::lock_guard lock(mutex_);
      return !ended_;
    }
    Message message;
    const auto over = record.ok() ? fill_(*record, &message) : record.status();
    if (!over.ok()) {
      End(over.status());
      return false;
    }
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    std::string text = message.SerializeAsString();
    // A slow reader misses steps, never the last one.
    if (writing_ || text == sent_) return true;
    writing_ = true;
    last_ = *over;
    sent_ = std::move(text);
    sending_.Swap(&message);
    this->StartWrite(&sending_);
    return !last_;
  }
  void OnWriteDone(bool ok) override {
    bool last = false;
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      last = last_ || !ok;
    }
    if (last) End(absl::OkStatus());
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
    this->Finish(rpc::ToGrpc(status));
  }
  void OnDone() override { self_.reset(); }  // may delete this

  const rpc::Method& method_;
  const Clock& clock_;
  const Fill fill_;
  const Duration begin_;
  rpc::Caller caller_;
  std::shared_ptr<WatchReactor> self_;
  std::mutex mutex_;
  bool ended_ = false;  // under mutex_, as all below
  bool writing_ = false;
  bool last_ = false;
  std::string sent_;
  Message sending_;
};

}  // namespace invigil::scoring
