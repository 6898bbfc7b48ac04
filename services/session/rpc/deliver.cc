#include "services/session/rpc/deliver.h"

#include <deque>
#include <optional>

#include "common/error/error.h"
#include "common/rpc/status.h"
#include "services/session/domain/clock.h"
#include "services/session/rpc/access.h"
#include "services/session/rpc/convert.h"
#include "services/session/rpc/feed.h"

namespace invigil::session {
namespace {

// Saves of one stream that may wait for their commit; beyond it the stream is not read, and HTTP/2
// flow control slows the client down.
constexpr size_t kMaxWaiting = 64;
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
    } else if (request_.has_alive()) {
      Alive();
    } else {
      End(InvalidArgument("STREAM_PROTOCOL", "after `open` a message carries `save` or `alive`"));
    }
  }

  void Open() {
    if (!request_.has_open()) {
      End(InvalidArgument("STREAM_PROTOCOL", "the first message carries session_id and `open`"));
      return;
    }
    const auto session = NamedSession({parts_.guard, method_}, *caller_.principal,
                                      request_.session_id(), caller_.trace);
    if (!session.ok()) {
      End(session.status());
      return;
    }
    session_ = *session;
    epoch_ = request_.open().epoch();
    opening_ = true;
    feed_ = Feed::Start(parts_, session_, caller_.principal->subject,
                        [weak = std::weak_ptr<Deliver>(self_)](
                            absl::StatusOr<v1::WatchSessionResponse> update, bool) {
                          if (const auto self = weak.lock()) self->Show(std::move(update));
                        });
    ReadOn();
  }

  void Show(absl::StatusOr<v1::WatchSessionResponse> update) {
    if (!update.ok()) {
      AuditRefusal({parts_.guard, method_}, update.status(), *caller_.principal, session_.ToHex(),
                   caller_.trace);
      End(update.status());
      return;
    }
    v1::DeliverResponse response;
    *response.mutable_update() = *std::move(update);
    bool too_slow = false;
    {
      const std::lock_guard lock(mutex_);
      opening_ = false;
      too_slow = !Send(std::move(response));
    }
    if (too_slow) EndTooSlow();
  }

  void Save() {
    const uint64_t save_id = request_.save().save_id();
    uint64_t place = 0;
    {
      const std::lock_guard lock(mutex_);
      place = first_reply_ + replies_.size();
      replies_.emplace_back();
    }
    Command command{caller_.principal->subject, FromProto(epoch_, request_.save().responses())};
    // Moved, not copied: this is what a candidate's every answer goes through. The next read fills
    // the request anew.
    auto writes = std::move(*request_.mutable_save()->mutable_responses());
    parts_.engine.Execute(
        session_, std::move(command),
        [self = self_, save_id, place,
         writes = std::move(writes)](absl::StatusOr<Outcome> outcome) {
          v1::DeliverResponse response;
          if (outcome.ok()) {
            auto* saved = response.mutable_saved();
            saved->set_save_id(save_id);
            ToProto(*outcome->state->form, outcome->acks, writes, saved->mutable_acks());
            Set(ViewAt(*outcome->state, outcome->now).remaining, saved->mutable_remaining());
            saved->set_deadline_version(outcome->state->deadline_version);
          } else {
            const ErrorView error = ViewError(outcome.status());
            auto* refused = response.mutable_refused();
            refused->set_save_id(save_id);
            refused->set_code(static_cast<int32_t>(outcome.status().code()));
            refused->set_reason(error.reason);
            refused->set_message(std::string(outcome.status().message()));
            for (const auto& [name, value] : error.metadata) {
              (*refused->mutable_metadata())[name] = value;
            }
          }
          self->Answered(place, std::move(response));
        });
    ReadOn();
  }

  void Alive() {
    // Before the session is known to be the caller's, nothing is said of it.
    bool known = false;
    {
      const std::lock_guard lock(mutex_);
      known = !opening_ && !ended_;
    }
    if (known) parts_.engine.NoteAlive(session_, request_.alive().unsaved_changes());
    ReadOn();
  }

  // At the end of a reaction to what was read.
  void ReadOn() {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    reading_stopped_ = replies_.size() >= kMaxWaiting;
    if (!reading_stopped_) StartRead(&request_);
  }

  void Answered(uint64_t place, v1::DeliverResponse response) {
    bool too_slow = false;
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      replies_[place - first_reply_] = std::move(response);
      // A save refused for overload is answered at once: it waits here for those before it.
      for (; !replies_.empty() && replies_.front(); replies_.pop_front(), ++first_reply_)
        too_slow = !Send(*std::move(replies_.front())) || too_slow;
      // Under the lock: once the stream has ended nothing may be started on it.
      if (reading_stopped_ && !too_slow && replies_.size() < kMaxWaiting) {
        reading_stopped_ = false;
        StartRead(&request_);
      }
    }
    if (too_slow) EndTooSlow();
  }

  // `mutex_` is held. false: the client does not read what it is sent.
  bool Send(v1::DeliverResponse response) {
    if (ended_) return true;
    if (unsent_.size() >= kMaxUnsent) return false;
    unsent_.push_back(std::move(response));
    if (unsent_.size() == 1) StartWrite(&unsent_.front());
    return true;
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
      done = !ok || AllSaid();
    }
    if (done) End(absl::OkStatus());
  }

  void Closing() {
    bool done = false;
    {
      const std::lock_guard lock(mutex_);
      half_closed_ = true;
      done = AllSaid();
    }
    if (done) End(absl::OkStatus());
  }

  // `mutex_` is held. The client will ask no more, and what it asked is answered.
  bool AllSaid() const { return half_closed_ && !opening_ && replies_.empty() && unsent_.empty(); }

  void EndTooSlow() {
    End(ResourceExhausted("STREAM_TOO_SLOW", "replies are not being read; open a new stream"));
  }

  void OnCancel() override { End(absl::CancelledError("the client went away")); }

  void End(const absl::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      ended_ = true;
      // What is being written must stay; nobody will get the rest.
      if (unsent_.size() > 1) unsent_.erase(unsent_.begin() + 1, unsent_.end());
      replies_.clear();
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
  // Of saves, in the order read; empty until answered.
  std::deque<std::optional<v1::DeliverResponse>> replies_;
  uint64_t first_reply_ = 0;      // how many came before those in replies_
  bool opening_ = false;          // the session was asked for and not yet shown
  bool reading_stopped_ = false;  // until an answer makes room
  bool half_closed_ = false;      // the client sends no more
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
