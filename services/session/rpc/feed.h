// A session's time and state as they happen: what WatchSession sends and Deliver pushes.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "invigil/session/v1/delivery.pb.h"
#include "services/session/engine/session_engine.h"
#include "services/session/rpc/delivery_service.h"
#include "services/session/rpc/ticker.h"

namespace invigil::session {

// Calls back with the session as it stands, then after every change and at every heartbeat, until
// it is destroyed; a call that is running then may still end. Refused at the start (unknown
// session, not the caller's), it calls back once with why. A heartbeat asks the engine, so that
// what another replica did is seen too; one more comes within a second of a part's or the sitting's
// end, unless the engine refuses to say: then the next heartbeat asks. Calls come one at a time,
// never an older state after a newer one, on the engine's or the ticker's thread, and must not
// block. Engine, ticker and clock of `parts` outlive it.
class Feed : public std::enable_shared_from_this<Feed> {
 public:
  // `last`: the result is released, or the session does not count; nothing more will come.
  using OnUpdate = std::function<void(absl::StatusOr<v1::WatchSessionResponse> update, bool last)>;
  static std::shared_ptr<Feed> Start(const DeliveryParts& parts, const SessionId& session,
                                     const std::string& candidate, OnUpdate on_update);
  ~Feed();

 private:
  Feed(const DeliveryParts& parts, const SessionId& session, OnUpdate on_update)
      : engine_(parts.engine),
        ticker_(parts.ticker),
        clock_(parts.clock),
        heartbeat_(parts.heartbeat),
        session_(session),
        on_update_(std::move(on_update)) {}
  // `again`: also when it is what was shown last.
  void Show(std::shared_ptr<const State> state, bool again);
  void ShowLatest();
  // Asks again later. `answered`: the engine has told how the session stands.
  void Tick(bool answered);
  void Refresh();

  SessionEngine& engine_;
  Ticker& ticker_;
  const Clock& clock_;
  const Duration heartbeat_;
  const SessionId session_;
  const OnUpdate on_update_;
  std::mutex mutex_;                     // held while calling back
  std::shared_ptr<const State> latest_;  // under mutex_
  Ticker::Key tick_;                     // under mutex_
  SessionEngine::Subscription subscription_;
};

}  // namespace invigil::session
