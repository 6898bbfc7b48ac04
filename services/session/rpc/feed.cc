#include "services/session/rpc/feed.h"

#include "services/session/rpc/convert.h"

namespace invigil::session {
namespace {

constexpr Duration kHeartbeat = Seconds(5);

}  // namespace

std::shared_ptr<Feed> Feed::Start(SessionEngine& engine, Ticker& ticker, const Clock& clock,
                                  const SessionId& session, const std::string& candidate,
                                  OnUpdate on_update) {
  std::shared_ptr<Feed> feed(new Feed(engine, ticker, clock, session, std::move(on_update)));
  const std::weak_ptr<Feed> weak = feed;
  engine.Get(session, candidate, false, [weak](absl::StatusOr<Outcome> outcome) {
    const auto self = weak.lock();
    if (!self) return;
    if (!outcome.ok()) {
      self->on_update_(outcome.status(), true);
      return;
    }
    // Permitted: only now does it hear of changes. One between the read and here is not missed.
    self->subscription_ =
        self->engine_.Subscribe(self->session_, [weak](const SessionChange& change) {
          if (const auto feed = weak.lock()) feed->Show(change.state);
        });
    const auto newest = self->engine_.Peek(self->session_);
    self->Show(newest && newest->version > outcome->state->version ? newest : outcome->state);
    self->Tick();
  });
  return feed;
}

Feed::~Feed() { ticker_.Cancel(tick_); }

void Feed::Show(std::shared_ptr<const State> state) {
  const Time now = clock_.Now();
  {
    const std::lock_guard lock(mutex_);
    if (latest_ && state->version < latest_->version) return;
    latest_ = state;
  }
  const bool last =
      state->state == SessionState::kReleased || state->state == SessionState::kVoided;
  v1::WatchSessionResponse update;
  ToProto(Outcome{.session = session_, .state = std::move(state), .now = now}, &update);
  on_update_(std::move(update), last);
}

void Feed::Tick() {
  const std::lock_guard lock(mutex_);
  tick_ = ticker_.After(kHeartbeat, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    std::shared_ptr<const State> latest;
    {
      const std::lock_guard lock(self->mutex_);
      latest = self->latest_;
    }
    self->Show(latest);
    self->Tick();
  });
}

}  // namespace invigil::session
