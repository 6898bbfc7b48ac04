// What the roster keeps of one session: some 200 bytes, enough to show it without its log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/time.h"
#include "services/session/domain/session.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

// Numbers are those of the wire's RosterProblem; a lower one is more urgent.
enum class Problem : uint8_t {
  kHelpAsked = 1,
  kCheckIn = 2,
  kPaused = 3,
  kMissing = 4,
  kUnconfirmed = 5,
  kIrregularity = 6,
};

struct RosterRow {
  SessionId session;
  std::string candidate_id, exam_id;
  SessionState state = SessionState::kNone;
  uint64_t version = 0;
  uint32_t deadline_version = 0, epoch = 0, part = 0;
  Duration granted{0};
  // What is left at `at`; from then on less, if it `runs`.
  Duration remaining{0};
  Time at{};
  bool runs = false;
  std::optional<Time> started_at, ended_at, paused_at;
  uint32_t help = 0, unconfirmed = 0, irregularities = 0;
  bool checked_in = false;
  // Several heartbeats were missed; the roster's to say.
  bool missing = false;

  bool live() const { return state >= SessionState::kReady && state <= SessionState::kOnBreak; }
  Duration RemainingAt(Time now) const;
  bool Has(Problem problem) const;
  // The most urgent problem's number; one more than the last when there is none. Rosters are sorted
  // by it.
  int Rank() const;
};
inline constexpr int kProblems = 6;

// A session that exists, as it is at `now`.
RosterRow MakeRow(const SessionId& session, const State& state, Time now);

}  // namespace invigil::session
