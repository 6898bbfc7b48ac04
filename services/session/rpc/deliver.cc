#include "services/session/rpc/deliver.h"

#include <deque>

#include "common/error/error.h"
#include "common/rpc/status.h"
#include "services/session/rpc/access.h"
#include "services/session/rpc/convert.h"
#include "services/session/rpc/feed.h"

namespace invigil::session {
namespace {

// Saves of one stream that may wait for their commit; beyond it the stream is not read, and HTTP/2
// flow control slows the client down.
constexpr int kMaxWaiting = 64;
// Replies a client may leave unread before the stream is given up.
constexpr size_t kMaxUnsent = 256;

class Deliver final : public grpc::ServerBidiReactor<v1::DeliverRequest, v1::DeliverResponse> {
 public:
  Deliver(const DeliveryParts& parts, const rpc::Method& method)
      : parts_(parts), method_(method), begin_(parts.clock.Monotonic()) {}

  void Begin(std::shared_ptr<Deliver> self, grpc::CallbackServerContext& context) {
    self_ = std::move(self);
    auto caller = parts_.guard.Admit(context, method_);
    if (!caller.ok()) {
      End(caller.status());
      return;
    }
    caller_ = *std::move(caller);
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      Closing();
      return;
    }
    if (!feed_) {
      Open();
    } else if (request_.has_save()) {
      Save();
    } else {
      End(InvalidArgument("STREAM_PROTOCOL", "after `open` a message carries `save`"));
    }
  }

  void Open() {
    if (!request_.has_open()) {
      End(InvalidArgument("STREAM_PROTOCOL", "the first message carries session_id and `open`"));
      return;
    }
    const auto session = NamedSession(*caller_.principal, request_.session_id(), caller_.trace);
    if (!session.ok()) {
      End(session.status());
      return;
    }
    session_ = *session;
    epoch_ = request_.open().epoch();
    feed_ = Feed::Start(parts_.engine, parts_.ticker, parts_.clock, session_,
                        caller_.principal->subject,
                        [weak = std::weak_ptr<Deliver>(self_)](
                            absl::StatusOr<v1::WatchSessionResponse> update, bool) {
                          const auto self = weak.lock();
                          if (!self) return;
                          if (!update.ok()) {
                            AuditRefusal(update.status(), *self->caller_.principal,
                                         self->session_.ToHex(), self->caller_.trace);
                            self->End(update.status());
                            return;
                          }
                          v1::DeliverResponse response;
                          *response.mutable_update() = *std::move(update);
                          self->Send(std::move(response));
                        });
    StartRead(&request_);
  }

  void Save() {
    const uint64_t save_id = request_.save().save_id();
    {
      const std::lock_guard lock(mutex_);
      ++waiting_;
    }
    parts_.engine.Execute(
        session_, {caller_.principal->subject, FromProto(epoch_, request_.save().responses())},
        [self = self_, save_id](absl::StatusOr<Outcome> outcome) {
          v1::DeliverResponse response;
          if (outcome.ok()) {
            auto* saved = response.mutable_saved();
            saved->set_save_id(save_id);
            ToProto(*outcome->state->form, outcome->acks, saved->mutable_acks());
            Set(ViewAt(*outcome->state, outcome->now).remaining, saved->mutable_remaining());
            saved->set_deadline_version(outcome->state->deadline_version);
          } else {
            auto* refused = response.mutable_refused();
            refused->set_save_id(save_id);
            refused->set_code(static_cast<int32_t>(outcome.status().code()));
            refused->set_reason(ReasonOf(outcome.status()));
            refused->set_message(std::string(outcome.status().message()));
          }
          self->Answered(std::move(response));
        });
    bool read = false;
    {
      const std::lock_guard lock(mutex_);
      read = !ended_ && waiting_ < kMaxWaiting;
      reading_stopped_ = !ended_ && !read;
    }
    if (read) StartRead(&request_);
  }

  void Answered(v1::DeliverResponse response) {
    bool read = false, close = false;
    {
      const std::lock_guard lock(mutex_);
      --waiting_;
      read = reading_stopped_ && !ended_;
      if (read) reading_stopped_ = false;
      close = half_closed_ && waiting_ == 0;
    }
    Send(std::move(response), close);
    if (read) StartRead(&request_);
  }

  // `close`: the client has said all, and this is the last reply.
  void Send(v1::DeliverResponse response, bool close = false) {
    bool too_slow = false;
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      closing_ = closing_ || close;
      too_slow = unsent_.size() >= kMaxUnsent;
      if (!too_slow) {
        unsent_.push_back(std::move(response));
        if (unsent_.size() == 1) StartWrite(&unsent_.front());
      }
    }
    if (too_slow)
      End(ResourceExhausted("STREAM_TOO_SLOW", "replies are not being read; open a new stream"));
  }

  void OnWriteDone(bool ok) override {
    bool done = false;
    {
      const std::lock_guard lock(mutex_);
      unsent_.pop_front();
      if (ended_) return;
      if (ok && !unsent_.empty()) {
        StartWrite(&unsent_.front());
        return;
      }
      done = !ok || closing_;
    }
    if (done) End(absl::OkStatus());
  }

  void Closing() {
    bool done = false;
    {
      const std::lock_guard lock(mutex_);
      half_closed_ = true;
      closing_ = closing_ || waiting_ == 0;
      done = closing_ && unsent_.empty();
    }
    if (done) End(absl::OkStatus());
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

  void OnDone() override {
    feed_.reset();
    self_.reset();  // last: may delete this
  }

  const DeliveryParts parts_;
  const rpc::Method& method_;
  const Duration begin_;
  rpc::Caller caller_;
  std::shared_ptr<Deliver> self_;
  std::shared_ptr<Feed> feed_;
  SessionId session_;
  uint32_t epoch_ = 0;
  v1::DeliverRequest request_;  // belongs to gRPC while a read is out
  std::mutex mutex_;
  std::deque<v1::DeliverResponse> unsent_;  // under mutex_; the front is being written
  int waiting_ = 0;                         // saves not answered yet
  bool reading_stopped_ = false;            // until an answer makes room
  bool half_closed_ = false;                // the client sends no more
  bool closing_ = false;                    // ends when unsent_ is empty
  bool ended_ = false;
};

}  // namespace

grpc::ServerBidiReactor<v1::DeliverRequest, v1::DeliverResponse>* DeliverReactor(
    grpc::CallbackServerContext& context, const DeliveryParts& parts, const rpc::Method& method) {
  auto deliver = std::make_shared<Deliver>(parts, method);
  Deliver* const reactor = deliver.get();
  reactor->Begin(std::move(deliver), context);
  return reactor;
}

}  // namespace invigil::session
