// What a start asks of registration. Here so that whoever starts sessions needs no store.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "services/session/domain/plan.h"
#include "services/session/domain/session_id.h"
#include "services/session/registration/domain/records.h"

namespace invigil::session::registration {

struct Ask {
  std::string candidate_id;
  std::string exam_id;
  SessionKind kind = SessionKind::kExam;
};

// What the sitting is given.
struct Admission {
  Terms terms;
  std::optional<Time> window_end;  // where the window limits the end
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
  // rules.h for their metadata; RESOURCE_EXHAUSTED and UNAVAILABLE as the store says, OVERLOADED.
  virtual void Admit(Ask ask, Done done) = 0;
  // Asks again for a session that is reserved, so that no other of this candidate and exam can
  // begin meanwhile, and notes which registration it is begun with. May be repeated. Errors: as
  // above.
  virtual void Confirm(const SessionId& session, Ask ask, Done done) = 0;
};

}  // namespace invigil::session::registration
