#include "services/session/rpc/proctor_watch.h"

#include <memory>
#include <mutex>
#include <utility>

#include "common/rpc/status.h"
#include "services/session/rpc/proctor_convert.h"
#include "services/session/rpc/proctor_roster.h"
#include "services/session/rpc/ticker.h"

namespace invigil::session {
namespace {

// One message at a time: the roster is asked for the next when the last was taken, so a slow reader
// costs no memory and misses no state.
class RosterWatch final : public grpc::ServerWriteReactor<v1::WatchRosterResponse>,
                          public std::enable_shared_from_this<RosterWatch> {
 public:
  RosterWatch(const ProctorParts& parts, std::shared_ptr<rpc::Executor> executor,
              const rpc::Method& method)
      : parts_(parts),
        executor_(std::move(executor)),
        method_(method),
        begin_(parts.clock.Monotonic()) {}

  void Begin(grpc::CallbackServerContext& context, const v1::WatchRosterRequest& request) {
    self_ = shared_from_this();
    auto caller = parts_.guard.Admit(context, method_);
    if (!caller.ok()) {
      End(caller.status());
      return;
    }
    caller_ = *std::move(caller);
    filter_.exam_id = request.exam_id();
    parts_.roster->WhenFilled([weak = weak_from_this()](const absl::Status& status) {
      const auto self = weak.lock();
      if (!self) return;
      if (!status.ok()) {
        self->End(status);
        return;
      }
      // Before the first list: what changes while it is sent comes after it.
      self->revision_ = self->parts_.roster->revision();
      self->Soon();
    });
  }

 private:
  void Soon() {
    const bool taken = executor_->TryRun([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Next();
    });
    if (!taken) Later();
  }
  void Later() {
    parts_.ticker.After(parts_.watch_every, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Soon();
    });
  }
  // On the executor; nothing is being written.
  void Next() {
    const Time now = parts_.clock.Now();
    v1::WatchRosterResponse message;
    if (complete_) {
      const auto changes = parts_.roster->Changes(filter_, revision_, kMaxPage);
      if (!changes.ok()) {
        End(changes.status());
        return;
      }
      for (const RosterLine& line : *changes) ToProto(line, now, message.add_entries());
      if (message.entries().empty()) {
        Later();
        return;
      }
    } else {
      const Roster::Page page = parts_.roster->List(filter_, place_, kMaxPage);
      // After the list: of rows that are gone a page tells nothing.
      if (const absl::Status kept = parts_.roster->CheckKept(revision_); !kept.ok()) {
        End(kept);
        return;
      }
      for (const RosterLine& line : page.lines) ToProto(line, now, message.add_entries());
      complete_ = !page.next;
      if (page.next) place_ = *page.next;
      message.set_complete(complete_);
    }
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    sending_.Swap(&message);
    StartWrite(&sending_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) {
      End(absl::OkStatus());
    } else if (complete_ && sending_.entries_size() < static_cast<int>(kMaxPage)) {
      Later();
    } else {
      Soon();
    }
  }
  void OnCancel() override { End(absl::CancelledError("the client went away")); }
  void End(const absl::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      ended_ = true;
    }
    rpc::RecordEnd(method_, caller_.trace, absl::IsCancelled(status) ? absl::OkStatus() : status,
                   parts_.clock.Monotonic() - begin_);
    Finish(rpc::ToGrpc(status));
  }
  void OnDone() override { self_.reset(); }  // may delete this

  // Copies: the ticker may hold this a moment longer than the service lives.
  const ProctorParts parts_;
  const std::shared_ptr<rpc::Executor> executor_;
  const rpc::Method& method_;
  const Duration begin_;
  rpc::Caller caller_;
  RosterFilter filter_;
  std::shared_ptr<RosterWatch> self_;
  std::mutex mutex_;
  bool ended_ = false;  // under mutex_
  // Of whichever step runs; steps come one after another.
  v1::WatchRosterResponse sending_;
  Roster::Place place_;
  uint64_t revision_ = 0;
  bool complete_ = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchRosterResponse>* RosterWatchReactor(
    grpc::CallbackServerContext& context, const v1::WatchRosterRequest& request,
    const ProctorParts& parts, std::shared_ptr<rpc::Executor> executor, const rpc::Method& method) {
  auto watch = std::make_shared<RosterWatch>(parts, std::move(executor), method);
  watch->Begin(context, request);
  return watch.get();
}

}  // namespace invigil::session
