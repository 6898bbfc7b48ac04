// Where sessions are kept: the event log, and the few tables that are written in the same
// transaction because somebody must find a session without reading every log. No SQL here: a second
// database is a second implementation, held to event_log_test.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/session/domain/events.h"
#include "services/session/domain/session_id.h"
#include "services/session/store/journal.h"
#include "services/session/store/remark.h"

namespace invigil::session {

// The writing side. One thread at a time (the engine's writer); every call but Begin needs an open
// transaction.
//
// Errors of every call, which tell the engine what to do:
//   ALREADY_EXISTS                    another writer was first: roll back, reload, decide again
//   UNAVAILABLE, RESOURCE_EXHAUSTED   the store can't take writes now: roll back and refuse
//                                     everything in it. Nothing of the transaction is durable,
//                                     unless Commit's error says outcome=unknown: then either
//                                     nothing is or all of it
//   anything else                     concerns this call only (a bug, or a corrupt row: DATA_LOSS)
// A store across a network may send a change only with a later call: what concerns it is then
// answered by the next Read or Find, or by Commit.
class EventLog {
 public:
  virtual ~EventLog() = default;

  virtual absl::Status Begin() = 0;
  // Durable when OK, whatever fails afterwards.
  virtual absl::Status Commit() = 0;
  // Drops the open transaction; does nothing when there is none.
  virtual void Rollback() = 0;
  // A number, never 0, that has changed since an earlier transaction if any other writer may have
  // committed in between: while it stands, what was folded then is still the truth.
  virtual uint64_t Generation() const = 0;
  // Whether, after Generation has changed, what was committed before may be gone: a server that
  // failed over to one that lagged. What was known then is not even an old truth: forget all of it
  // and read from the first event.
  virtual bool MayForget() const { return false; }
  // What is decided from now on rests on `session` having `version` and no more. A store whose
  // Generation can't tell compares at Commit: ALREADY_EXISTS when another writer went on.
  virtual void Rely(const SessionId& session, uint64_t version) {}

  // Gives `visit` every event of a session after sequence `after`, oldest first, until it returns
  // an error, which is passed on.
  using Visitor = absl::FunctionRef<absl::Status(uint64_t seq, Time at, const Event& event)>;
  virtual absl::Status Read(const SessionId& session, uint64_t after, Visitor visit) = 0;

  // Appends `events`, which led to `after`: the last one takes sequence after.version. A seal must
  // be the last of its call, for what was sealed is looked up in `after`. Keeps the projections in
  // step: who is live, when it is due, what must be sent to scoring (one outbox entry a seal, gone
  // when its score is recorded). ALREADY_EXISTS: a sequence is taken, or the candidate has another
  // live session of the exam.
  virtual absl::Status Append(const SessionId& session, const Events& events, Time at,
                              const State& after) = 0;

  // The session a start with this request id was answered with.
  virtual absl::StatusOr<std::optional<SessionId>> FindStart(std::string_view candidate_id,
                                                             std::string_view request_id) = 0;
  // The candidate's one live session of an exam.
  virtual absl::StatusOr<std::optional<SessionId>> FindLive(std::string_view candidate_id,
                                                            std::string_view exam_id) = 0;
  // Remembers how a start was answered. Append does it for the start that reserves.
  virtual absl::Status RememberStart(std::string_view candidate_id, std::string_view request_id,
                                     const SessionId& session) = 0;

  // Contents are immutable: putting one that is there changes nothing.
  virtual absl::Status PutContent(std::string_view content_id, std::string_view bytes) = 0;
  virtual absl::StatusOr<std::optional<std::string>> GetContent(std::string_view content_id) = 0;

  // Takes an entry out of the outbox, if it is there.
  virtual absl::Status DeleteOutbox(const SessionId& session, uint32_t attempt_version) = 0;

  // Adds a row to the journal that no event stands behind. A store without a journal has none.
  virtual absl::Status AddRemark(const Remark& remark) { return absl::OkStatus(); }
};

// A session whose clock runs.
struct Scheduled {
  Time deadline{};
  SessionId session;
};

// A sealed session that scoring has not answered for.
struct OutboxEntry {
  Time sealed_at{};  // when the seal was written, which may be later than when the session ended
  SessionId session;
  uint32_t attempt_version = 0;
};

// What the store keeps of a session for finding it; `version` is not raised by saves.
struct SessionRow {
  SessionId session;
  std::string candidate_id, exam_id;
  SessionState state = SessionState::kNone;
  uint64_t version = 0;
};

// The reading side, on its own connection: sees what is committed and never waits for the writer.
// Blocks for the length of a query; thread-safe.
class EventLogReader {
 public:
  virtual ~EventLogReader() = default;
  // Running sessions due by `until`, earliest first, after `after` (nullopt: from the start).
  virtual absl::StatusOr<std::vector<Scheduled>> ListScheduled(std::optional<Scheduled> after,
                                                               Time until, size_t limit) = 0;
  // What waits for scoring, oldest seal first, after `after`.
  virtual absl::StatusOr<std::vector<OutboxEntry>> ListOutbox(std::optional<OutboxEntry> after,
                                                              size_t limit) = 0;

  // Live sessions (READY to ON_BREAK) in the order of candidate and exam, those after the given.
  virtual absl::StatusOr<std::vector<SessionRow>> ListLive(std::string_view after_candidate,
                                                           std::string_view after_exam,
                                                           size_t limit) = 0;
  // Every session there is, the newest first, those made before `before` (nullopt: from the
  // newest).
  virtual absl::StatusOr<std::vector<SessionRow>> ListNewest(std::optional<SessionId> before,
                                                             size_t limit) = 0;
  // The sessions a candidate has started, the newest first.
  virtual absl::StatusOr<std::vector<SessionRow>> ListOfCandidate(std::string_view candidate_id,
                                                                  size_t limit) = 0;
  // Rows of the journal numbered above `after`, in order.
  virtual absl::StatusOr<std::vector<JournalRow>> ListJournal(uint64_t after, size_t limit) = 0;
  virtual absl::StatusOr<JournalHead> ReadJournalHead() = 0;
  // The row behind which it begins, if its oldest part was cut off; zeros if not.
  virtual absl::StatusOr<JournalHead> ReadJournalBegin() { return JournalHead(); }
  // What the journal remarks of a session, in order, up to `limit`. All zeros: of none.
  virtual absl::StatusOr<std::vector<Remark>> ListRemarks(const SessionId& session, size_t limit) {
    return std::vector<Remark>();
  }
  // Gives `visit` the events of a session, as stored, oldest first, until it returns an error,
  // which is passed on.
  using RawVisitor = absl::FunctionRef<absl::Status(uint64_t seq, Time at, std::string_view body)>;
  virtual absl::Status ReadEvents(const SessionId& session, RawVisitor visit) = 0;
  // As EventLog::Read, from the first event.
  absl::Status ReadLog(const SessionId& session, EventLog::Visitor visit);
};

}  // namespace invigil::session
