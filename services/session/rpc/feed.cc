#include "services/session/rpc/feed.h"

#include <algorithm>

#include "common/base/hash.h"
#include "services/session/domain/clock.h"
#include "services/session/rpc/display.h"

namespace invigil::session {

std::shared_ptr<Feed> Feed::Start(const DeliveryParts& parts, const SessionId& session,
                                  const std::string& candidate, OnUpdate on_update) {
  std::shared_ptr<Feed> feed(new Feed(parts, session, std::move(on_update)));
  const std::weak_ptr<Feed> weak = feed;
  parts.engine.Get(session, candidate, false, [weak](absl::StatusOr<Outcome> outcome) {
    const auto self = weak.lock();
    if (!self) return;
    if (!outcome.ok()) {
      self->on_update_(outcome.status(), true);
      return;
    }
    // Permitted: only now does it hear of changes. One between the read and here is not missed.
    self->subscription_ =
        self->engine_.Subscribe(self->session_, [weak](const SessionChange& change) {
          if (const auto feed = weak.lock()) feed->Show(change.state, false);
        });
    const auto newest = self->engine_.Peek(self->session_);
    self->Show(newest && newest->version > outcome->state->version ? newest : outcome->state, true);
    self->Tick(true);
  });
  return feed;
}

Feed::~Feed() { ticker_.Cancel(tick_); }

void Feed::Show(std::shared_ptr<const State> state, bool again) {
  // Held through the call: two threads must not tell their states in the wrong order.
  const std::lock_guard lock(mutex_);
  if (latest_ && state->version < latest_->version + (again ? 0 : 1)) return;
  latest_ = std::move(state);
  ShowLatest();
}

// `mutex_` is held.
void Feed::ShowLatest() {
  const bool last =
      latest_->state == SessionState::kReleased || latest_->state == SessionState::kVoided;
  v1::WatchSessionResponse update;
  ShowUpdate(Outcome{.session = session_, .state = latest_, .now = clock_.Now()}, &update);
  on_update_(std::move(update), last);
}

void Feed::Tick(bool answered) {
  const std::lock_guard lock(mutex_);
  Duration delay = heartbeat_;
  // A store that refuses is asked no more often than by heartbeats: the end that has passed stays
  // in what was known last, and every screen would ask about it again and again.
  const auto due = answered ? DueTime(*latest_) : std::nullopt;
  if (due) {
    // What time brings about is shown when it comes, whoever writes it. A little later, and not of
    // all sessions at once: a room ends together.
    const Duration until = *due - clock_.Now();
    const Duration spread = Millis(50 + static_cast<int64_t>(StableHash(session_.bytes()) % 500));
    delay = std::min(delay, std::max(Duration(0), until) + spread);
  }
  tick_ = ticker_.After(delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Refresh();
  });
}

void Feed::Refresh() {
  engine_.NoteAlive(session_);  // whoever holds the stream open is there
  engine_.Get(session_, "", false, [weak = weak_from_this()](absl::StatusOr<Outcome> outcome) {
    const auto self = weak.lock();
    if (!self) return;
    if (outcome.ok()) {
      self->Show(outcome->state, true);
    } else {  // too busy to say: what was known last, with the time that is left now
      const std::lock_guard lock(self->mutex_);
      self->ShowLatest();
    }
    self->Tick(outcome.ok());
  });
}

}  // namespace invigil::session
