#include "services/session/rpc/event_stream.h"

#include <mutex>
#include <utility>

#include "common/error/error.h"
#include "common/rpc/status.h"
#include "services/session/events/event_message.h"
#include "services/session/rpc/event_convert.h"
#include "services/session/rpc/ticker.h"

namespace invigil::session {
namespace {

constexpr size_t kBatch = 100;
// Of an exam that is seldom among many: others have their turn in between.
constexpr int kPagesATurn = 10;

// One message at a time: the next page is read when the last message was taken, so a slow reader
// costs no memory and misses nothing.
class EventStream final : public grpc::ServerWriteReactor<v1::StreamEventsResponse>,
                          public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(const EventParts& parts, std::shared_ptr<EventShared> shared,
              const rpc::Method& method)
      : parts_(parts),
        shared_(std::move(shared)),
        method_(method),
        begin_(parts.clock.Monotonic()) {}

  void Begin(grpc::CallbackServerContext& context, const v1::StreamEventsRequest& request) {
    self_ = shared_from_this();
    auto caller = parts_.guard.Admit(context, method_);
    if (!caller.ok()) return End(caller.status());
    caller_ = *std::move(caller);
    counted_ = true;
    if (++shared_->streams > parts_.max_streams) {
      return End(ResourceExhausted("TOO_MANY_STREAMS",
                                   "too many streams of events are open here; close those that "
                                   "nobody reads, or use ListEvents",
                                   Seconds(10)));
    }
    auto filter = FilterOf(request.kinds(), request.exam_id(), "EVENTS_INVALID");
    if (!filter.ok()) return End(filter.status());
    if (request.from_now() && request.cursor() != 0) {
      return End(InvalidArgument("EVENTS_INVALID", "say where to begin; see the fields")
                     .Field("from_now", "is for those who have no cursor"));
    }
    if (request.cursor() > static_cast<uint64_t>(INT64_MAX)) {
      return End(InvalidArgument("EVENTS_INVALID", "say where to begin; see the fields")
                     .Field("cursor", "is not one that was sent"));
    }
    filter_ = *std::move(filter);
    cursor_ = request.cursor();
    begins_ = cursor_ == 0;
    from_now_ = request.from_now();
    Soon();
  }

 private:
  void Soon() {
    const bool taken = shared_->executor.TryRun([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Next();
    });
    if (!taken) Later();
  }
  void Later() {
    parts_.ticker.After(parts_.look_every, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Soon();
    });
  }
  // On the executor; nothing is being written.
  void Next() {
    v1::StreamEventsResponse message;
    const auto more = Fill(message);
    if (!more.ok()) return End(more.status());
    const Duration now = parts_.clock.Monotonic();
    if (message.events().empty() && sent_ && now - sent_at_ < parts_.heartbeat) {
      *more ? Soon() : Later();
      return;
    }
    message.set_cursor(cursor_);
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    more_ = *more;
    sent_ = true;
    sent_at_ = now;
    sending_.Swap(&message);
    StartWrite(&sending_);
  }
  // Puts what follows the cursor into `message`, and moves it. Whether there may be more.
  absl::StatusOr<bool> Fill(v1::StreamEventsResponse& message) {
    if (begins_) {
      const auto bounds = shared_->feed.reader().ReadBounds();
      if (!bounds.ok()) return bounds.status();
      cursor_ = from_now_ ? bounds->head : bounds->floor;
      begins_ = false;
    }
    for (int pages = 0; pages < kPagesATurn; ++pages) {
      const auto beyond = shared_->feed.Beyond(cursor_);
      if (!beyond.ok()) return beyond.status();
      if (!*beyond) return false;
      const auto page = shared_->feed.reader().Page(cursor_, kBatch);
      if (!page.ok()) return page.status();
      for (const NoticeRecord& record : page->records) {
        if (filter_.Wants(record.notice)) ToProto(record, message.add_events());
      }
      cursor_ = page->cursor;
      if (!message.events().empty() || !page->more) return page->more;
    }
    return true;
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return End(absl::OkStatus());
    more_ ? Soon() : Later();
  }
  void OnCancel() override { End(absl::CancelledError("the client went away")); }
  void End(const absl::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      ended_ = true;
    }
    if (counted_) --shared_->streams;
    rpc::RecordEnd(method_, caller_.trace, absl::IsCancelled(status) ? absl::OkStatus() : status,
                   parts_.clock.Monotonic() - begin_);
    Finish(rpc::ToGrpc(status));
  }
  void OnDone() override { self_.reset(); }  // may delete this

  const EventParts parts_;
  const std::shared_ptr<EventShared> shared_;
  const rpc::Method& method_;
  const Duration begin_;
  rpc::Caller caller_;
  std::shared_ptr<EventStream> self_;
  std::mutex mutex_;
  bool ended_ = false;    // under mutex_
  bool counted_ = false;  // among the streams; set before anything else can run
  // Of whichever step runs; steps come one after another.
  NoticeFilter filter_;
  uint64_t cursor_ = 0;
  bool begins_ = false, from_now_ = false;
  v1::StreamEventsResponse sending_;
  bool more_ = false, sent_ = false;
  Duration sent_at_{0};
};

}  // namespace

grpc::ServerWriteReactor<v1::StreamEventsResponse>* EventStreamReactor(
    grpc::CallbackServerContext& context, const v1::StreamEventsRequest& request,
    const EventParts& parts, std::shared_ptr<EventShared> shared, const rpc::Method& method) {
  auto stream = std::make_shared<EventStream>(parts, std::move(shared), method);
  stream->Begin(context, request);
  return stream.get();
}

}  // namespace invigil::session
