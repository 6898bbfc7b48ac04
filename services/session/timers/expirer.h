#pragma once

#include <functional>
#include <memory>

#include "common/base/clock.h"
#include "services/session/timers/hooks.h"

namespace invigil::session {

// The one way from "seems overdue" to the expire hook, shared by sweeper and reconciler: a session
// is asked for once at a time, the number of questions is bounded, and how late each session ended
// is measured. Thread-safe.
class Expirer {
 public:
  // `clock` outlives this.
  Expirer(const Clock& clock, ExpireHook hook, int max_in_flight);
  // Closes.
  ~Expirer();

  // Asks the hook to end `timer.session`, on this thread; `done` gets its answer on the thread the
  // hook answers on. When the session is being asked for already, `done` gets that answer. False:
  // full or closed, and `done` is dropped.
  bool Start(const Timer& timer, ExpireDone done);

  // How many more can be started now.
  int Free() const;
  // Returns when there is room, it is closed, or `limit` has passed.
  void WaitForRoom(Duration limit) const;

  // Takes no more, waits up to `limit` for the answers outstanding, and drops those that come
  // later. After it no `done` runs any more. Safe to call twice.
  void Close(Duration limit = Seconds(5));

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the hook's answers, which may outlive this
};

}  // namespace invigil::session
