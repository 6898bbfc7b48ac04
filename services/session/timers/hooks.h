// What the timers ask of the session engine. Functions, not classes, so that timers are tested
// without an engine and the engine knows nothing of Redis.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

// A session whose clock runs, and when it ends.
struct Timer {
  Time deadline{};
  SessionId session;
};

using ExpireDone = std::function<void(absl::Status)>;

// Ends a session that seems overdue. Must judge by the session's own deadline, be idempotent and
// not block. Calls `done` once, from any thread, also before returning:
//   OK           it is sealed, durably, or needs no timer (sealed before, paused, unknown)
//   NotDue(t)    it runs until `t`
//   other error  not done; it is asked again
using ExpireHook = std::function<void(const SessionId& session, ExpireDone done)>;

// Running sessions due by `until`, earliest first (ties by id), strictly after `after` when given,
// at most `limit`, from the database. May block: called on threads of the timers' own.
using ListHook = std::function<absl::StatusOr<std::vector<Timer>>(std::optional<Timer> after,
                                                                  Time until, size_t limit)>;

struct TimerHooks {
  ExpireHook expire;
  ListHook list;
};

// FAILED_PRECONDITION, reason SESSION_NOT_DUE, carrying the deadline; and the deadline read back,
// nullopt when it is another status.
absl::Status NotDue(Time deadline);
std::optional<Time> NotDueUntil(const absl::Status& status);

// What an expire hook answers when the session answered the command Expire with `status`.
absl::Status ExpireAnswer(const absl::Status& status);

}  // namespace invigil::session
