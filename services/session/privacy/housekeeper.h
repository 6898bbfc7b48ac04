// What privacy does when nobody asks: memory learns of erasures that another process did, what one
// left half done is ended, and what was kept long enough goes.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "services/session/privacy/keeper.h"
#include "services/session/privacy/privacy.h"

namespace invigil::session::privacy {

// Two threads of its own, which may wait for the store: one looks for what others erased, and a
// pass of retention of many minutes must not keep it from that.
class Housekeeper {
 public:
  struct Options {
    Duration look_every = Seconds(5);       // for what others erased
    Duration catch_up_every = Seconds(60);  // a first time at once
    Duration keep_first = Seconds(60);
    Duration keep_every = Minutes(6 * 60);
  };
  struct Hooks {
    // This process's memory forgets a session; soon, without waiting. `done`, at any time and on
    // any thread, is told whether it did.
    using Done = std::function<void(const absl::Status&)>;
    std::function<void(const SessionId&, Done done)> reload;
    // What went wrong; it is tried again.
    std::function<void(const absl::Status&)> failed;
    // What a pass of retention took out.
    std::function<void(const std::vector<Kept>&)> kept;
  };
  // `privacy` and `keeper` outlive it.
  Housekeeper(Privacy& privacy, Keeper& keeper, Hooks hooks, Options options);
  Housekeeper(Privacy& privacy, Keeper& keeper, Hooks hooks)
      : Housekeeper(privacy, keeper, std::move(hooks), Options()) {}
  // Stops after what it is at.
  ~Housekeeper();

 private:
  // Reloads that were refused, for the next look. Outlives this: answers may come later.
  struct Refused;
  void Watch();
  void Work();
  void Look();
  void Reload(const SessionId& session);
  void Keep();
  bool stopping();
  // false: the end has come.
  bool Sleep(Duration time);

  Privacy& privacy_;
  Keeper& keeper_;
  const Hooks hooks_;
  const Options options_;
  const std::shared_ptr<Refused> refused_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;         // under mutex_
  std::thread watcher_, worker_;  // last: they use the above
};

}  // namespace invigil::session::privacy
