// The rules of a session, as simply as they can be said, in plain numbers. Shares no code with the
// domain: what both say the same is probably meant.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/session/sim/asks.h"
#include "services/session/sim/sitting.h"

namespace invigil::session::sim {

struct ModelSession {
  // As on the wire.
  std::string Name() const;
  bool Ended() const { return end.has_value(); }
  bool Live() const { return !end && !voided; }

  std::string candidate, request;
  uint64_t version = 0;  // events
  int form = -1;
  bool voided = false, released = false, checked_in = false, held_back = false;
  int64_t start = 0, last = 0;
  uint32_t epoch = 1, deadline_version = 1, attempt = 0;
  std::vector<std::pair<std::string, int64_t>> grants;
  std::set<std::string> reopenings;  // which of them reopened the session
  struct Held {
    uint32_t sequence = 0, options = 0;
    friend bool operator==(const Held&, const Held&) = default;
  };
  std::vector<Held> held;       // by item
  std::vector<bool> locked;     // by item, by a break
  std::vector<uint32_t> marks;  // by item: the newest report
  Sitting sitting;
  std::optional<int64_t> end;
  std::string how;          // of the end: "SUBMITTED", "EXPIRED", "TERMINATED"
  bool terminated = false;  // by the newest seal, whatever was added to it since
  uint32_t score_version = 0;
  std::string report;
  struct Message {
    bool from_candidate = false, confirmed = false;
  };
  std::map<std::string, Message> messages;
  std::set<std::string> recoveries, irregularities;
};

struct Verdict {
  std::string reason;       // of the refusal; empty: accepted
  std::vector<bool> stale;  // one a write, when a save is accepted
};

class Model {
 public:
  // What `ask`, received at `now`, does and how it is answered. `session` is the one that a start
  // was answered with; only a new one is believed.
  Verdict Take(const Ask& ask, int64_t now, const SessionId& session);

  // A start that was answered from an older moment: the model can't judge it, but must know of it.
  void Remember(const std::string& candidate, const std::string& request,
                const SessionId& session) {
    starts_.try_emplace({candidate, request}, session);
  }

  const std::map<SessionId, ModelSession>& sessions() const { return sessions_; }
  // nullptr: unknown.
  const ModelSession* Find(const SessionId& session) const {
    const auto it = sessions_.find(session);
    return it == sessions_.end() ? nullptr : &it->second;
  }
  // Which session a start was answered with, if it was.
  std::optional<SessionId> Started(const std::string& candidate, const std::string& request) const;
  std::optional<SessionId> Live(const std::string& candidate) const;

 private:
  Verdict TakeStart(const Ask& ask, int64_t now, const SessionId& session);

  std::map<SessionId, ModelSession> sessions_;
  std::map<std::pair<std::string, std::string>, SessionId> starts_;
};

}  // namespace invigil::session::sim
