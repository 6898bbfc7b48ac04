// What a start asks of registration. Here so that whoever starts sessions needs no store.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/session/domain/plan.h"
#include "services/session/domain/session_id.h"
#include "services/session/registration/domain/records.h"

namespace invigil::session::registration {

struct Ask {
  std::string candidate_id;
  std::string exam_id;
  SessionKind kind = SessionKind::kExam;
  // When whoever asks has given up, on this machine's monotonic clock. nullopt: never.
  std::optional<Duration> end{};
};

// What the sitting is given.
struct Admission {
  Terms terms;
  // First instant after the window of the registration that is used; nullopt: there is none, or it
  // never closes. `window_policy` says whether it cuts the sitting.
  std::optional<Time> closes;
  WindowPolicy window_policy = WindowPolicy::kAsExam;
  // The start rests on rules: ask Confirm once a session is reserved and before its clock starts.
  bool confirm = false;
};

// Asynchronous; callbacks come once each, from any thread. Thread-safe.
class Admissions {
 public:
  virtual ~Admissions() = default;
  using Done = std::function<void(absl::StatusOr<Admission>)>;
  // Whether a start may go on; nothing is reserved yet. Errors: FAILED_PRECONDITION
  // (NOT_REGISTERED, WINDOW_NOT_OPEN, WINDOW_CLOSED, RETAKE_TOO_EARLY, ATTEMPTS_USED_UP), see
  // rules.h for their metadata; DEADLINE_EXCEEDED when the caller's time was over before the
  // question came up; UNAVAILABLE (TIME_ZONE_UNKNOWN) when retake rules need a time zone that this
  // machine does not know; RESOURCE_EXHAUSTED and UNAVAILABLE as the store says, OVERLOADED.
  virtual void Admit(Ask ask, Done done) = 0;
  // Asks again for a session that is reserved, so that no other of this candidate and exam can
  // begin meanwhile, and notes which registration it is begun with. May be repeated. Errors: as
  // above.
  virtual void Confirm(const SessionId& session, Ask ask, Done done) = 0;
};

}  // namespace invigil::session::registration
