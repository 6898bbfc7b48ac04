// What waits in the queue: something to do, when it was asked, and whom to tell.
#pragma once

#include <variant>
#include <vector>

#include "services/session/engine/session_engine.h"

namespace invigil::session {

// One command to one session.
struct CommandJob {
  SessionId session;
  Command command;
  std::vector<Content> contents;  // with Start only: stored in the same transaction
  bool with_contents = false;     // the outcome shall have them
};

// Takes an entry out of the outbox.
struct DeliveredJob {
  SessionId session;
  uint32_t attempt_version = 0;
};

// Adds a row to the journal that no event stands behind.
struct RemarkJob {
  Remark remark;
};

// Reads a session anew, from its first event: what was written then has changed.
struct ReloadJob {
  SessionId session;
};

struct Job {
  std::variant<CommandJob, StartRequest, DeliveredJob, RemarkJob, ReloadJob> work;
  // Waiting in the queue costs a candidate nothing: this is the time that counts.
  Time received{};
  Done done;
  absl::StatusOr<Outcome> result;
};

}  // namespace invigil::session
