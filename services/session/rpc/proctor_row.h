// What the roster keeps of one session: some 200 bytes, enough to show it without its log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/session/domain/session.h"
#include "services/session/domain/session_id.h"
#include "services/session/store/event_log.h"

namespace invigil::session {

// Numbers are those of the wire's RosterProblem; a lower one is more urgent.
enum class Problem : uint8_t {
  kHelpAsked = 1,
  kCheckIn = 2,
  kPaused = 3,
  kMissing = 4,
  kUnconfirmed = 5,
  kIrregularity = 6,
  kUnsaved = 7,
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
  bool held = false;
  // The roster's to say: several heartbeats were missed; how many changes the candidate's device
  // has not got acknowledged, as it told last.
  bool missing = false;
  uint32_t unsaved = 0;

  bool live() const { return state >= SessionState::kReady && state <= SessionState::kOnBreak; }
  Duration RemainingAt(Time now) const;
  bool Has(Problem problem) const;
  // The most urgent problem's number; one more than the last when there is none. Rosters are sorted
  // by it.
  int Rank() const;
};
inline constexpr int kProblems = 7;

// A session that exists, as it is at `now`.
RosterRow MakeRow(const SessionId& session, const State& state, Time now);

// A session as its log has it, read past the engine: for lists of what has ended, which must not
// take the writer's time nor fill its cache. Blocks for a query. Errors: the store's; DATA_LOSS
// (LOG_CORRUPT).
absl::StatusOr<State> ReadState(EventLogReader& reader, const SessionId& session);

// Whether it says that the store or the engine took nothing for now, so that the same must be asked
// again: no answer about the session itself.
bool MustRepeat(const absl::Status& status);

}  // namespace invigil::session
