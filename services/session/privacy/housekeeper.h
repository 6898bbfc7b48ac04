// What privacy does when nobody asks: memory learns of erasures that another process did, what one
// left half done is ended, and what was kept long enough goes.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "services/session/privacy/keeper.h"
#include "services/session/privacy/privacy.h"

namespace invigil::session::privacy {

// A thread of its own, which may wait for the store.
class Housekeeper {
 public:
  struct Options {
    Duration look_every = Seconds(5);       // for what others erased
    Duration catch_up_every = Seconds(60);  // a first time at once
    Duration keep_first = Seconds(60);
    Duration keep_every = Minutes(6 * 60);
  };
  struct Hooks {
    // This process's memory forgets a session; soon, without waiting.
    std::function<void(const SessionId&)> reload;
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
  void Run();
  void Look();
  void Keep();
  bool stopping();

  Privacy& privacy_;
  Keeper& keeper_;
  const Hooks hooks_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // under mutex_
  std::thread thread_;     // last: it uses the above
};

}  // namespace invigil::session::privacy
