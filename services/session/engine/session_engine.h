// The only writer of sessions. Commands from any thread queue up; one writer thread takes whatever
// waits, decides each against the newest state and appends all events in one transaction; answers
// leave after the commit, on a second thread: acknowledged means durable.
//
//   engine->Execute(id, {candidate, SaveResponses{...}}, [](absl::StatusOr<Outcome> outcome)
//   {...});
//
// Several engines, in this process or others, may work on the same database: each checks what
// others wrote before it decides, so a stale one never gives a wrong answer.
//
// Threads: every method may be called from any thread, also from callbacks. Callbacks, hooks and
// listeners run one at a time on the engine's thread, after the commit, and must not block; only a
// refusal to take a command (OVERLOADED, SHUTTING_DOWN, CLOCK_NOT_TRUSTED) calls back on the
// caller's thread, before the call returns.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "services/session/domain/commands.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/session_id.h"
#include "services/session/engine/observer.h"
#include "services/session/store/event_log.h"

namespace invigil::session {

// How a command was answered.
struct Outcome {
  SessionId session;
  // The session as committed; never null. May already show later commands of the same transaction.
  std::shared_ptr<const State> state;
  // When the command was judged; what is left of the time is ViewAt(*state, now).
  Time now{};
  // SaveResponses only: in the order sent.
  Acks acks;
  // Something was appended on the way, if only the seal of an overdue session.
  bool changed = false;
  // By place; only when asked for. Shared: the same content has the same address while it is
  // cached.
  std::vector<std::shared_ptr<const std::string>> contents;
  // By part, null for one that shows nothing but its name; only when asked for.
  std::vector<std::shared_ptr<const std::string>> part_contents{};
};

using Done = absl::AnyInvocable<void(absl::StatusOr<Outcome>)>;

// Asks for the session a candidate should sit.
struct StartRequest {
  std::string candidate_id;
  std::string exam_id;
  std::string request_id;  // 1 to 64 characters
  bool take_over = false;  // raise the epoch of a live session, once per request id
  bool only_find = false;  // reserve nothing: NOT_FOUND (SESSION_NOT_FOUND) when there is none
  SessionKind kind = SessionKind::kExam;  // of a new session
};

// What a content id stands for; opaque bytes to the engine.
struct Content {
  std::string content_id;
  std::string bytes;
};

// Told after each commit that changed what those who watch can see of it: state, epoch, deadline
// version, part, break or messages, by this replica or, when this replica comes to know of it, by
// another.
struct SessionChange {
  SessionId session;
  std::shared_ptr<const State> state;
};
using Listener = std::function<void(const SessionChange&)>;

// One transaction, for metrics.
struct BatchReport {
  size_t commands = 0;
  size_t events = 0;
  Duration duration{0};  // from opening the transaction to its commit
};

// What the process around the engine wants to know. Any may be empty.
struct EngineHooks {
  // Time alone will bring something about, at this (new) moment: a part's end or the seal.
  std::function<void(const SessionId&, Time due)> on_scheduled;
  // Nothing is due by itself any more, as it was at `was`: the session ended, or stands still.
  // Replicas tell this in no order: what was scheduled for another moment is not meant.
  std::function<void(const SessionId&, Time was)> on_unscheduled;
  std::function<void(const BatchReport&)> on_batch;
  // A transaction failed as a whole; everything in it was refused with `status`.
  std::function<void(const absl::Status& status)> on_store_failure;
};

struct EngineOptions {
  // Commands in one transaction: past 64 the gain is small and the wait is not.
  size_t max_batch = 128;
  // Waiting commands in each lane; beyond it commands are refused (OVERLOADED).
  size_t queue_limit = 8192;
  // Folded sessions kept in memory, about 5 KB each.
  size_t cached_sessions = 50'000;
  // How often a transaction that lost a race is decided again.
  int race_attempts = 5;
  // Whether the clock may be trusted to judge by now; while it may not, everything is refused
  // (CLOCK_NOT_TRUSTED), for every command may seal. Asked by every caller's thread, must not
  // block. Empty: always.
  std::function<bool()> may_judge{};
};

// Since the engine was made.
struct EngineStats {
  uint64_t commands = 0, events = 0, commits = 0;
  uint64_t lost_races = 0, store_failures = 0, refused_overload = 0;
  uint64_t queued = 0;  // waiting now
  // Commits by number of commands: entry k counts batches of 2^k to 2^(k+1) - 1.
  std::array<uint64_t, 12> batch_sizes{};
};

class SessionEngine {
 public:
  // `clock` outlives the engine. Starts the writer thread.
  SessionEngine(std::unique_ptr<EventLog> log, std::unique_ptr<EventLogReader> reader,
                const Clock& clock, EngineOptions options = {}, EngineHooks hooks = {});
  // Stops.
  ~SessionEngine();
  // On the store at `location` (store/open.h), made when absent. Errors: FAILED_PRECONDITION
  // (STORE_UNUSABLE, STORE_NEWER).
  static absl::StatusOr<std::unique_ptr<SessionEngine>> Open(const std::string& location,
                                                             const Clock& clock,
                                                             EngineOptions options = {},
                                                             EngineHooks hooks = {});

  // Errors of all six: those of Decide for the command; RESOURCE_EXHAUSTED (OVERLOADED,
  // STORE_FULL) and UNAVAILABLE (STORE_BUSY, STORE_IO, CONTENDED, SHUTTING_DOWN), each with
  // RetryInfo; DATA_LOSS (LOG_CORRUPT). After any of them nothing was acknowledged, and repeating
  // is safe.

  // The session this start is answered with: the one its request id had before, else the
  // candidate's live session of the exam, else a new one, READY. If READY, get a form and call
  // StartClock. Errors besides: INVALID_ARGUMENT (START_INVALID; REQUEST_ID_REUSED for another
  // exam).
  void FindOrReserve(StartRequest request, Done done);
  // Stores the contents and starts the clock with the form, in one transaction; does nothing but
  // answer when the clock runs already. The outcome has contents.
  void StartClock(const SessionId& session, std::string candidate_id, Start start,
                  std::vector<Content> contents, Done done);
  // Any command. Saves are taken before what a deadline or a score brings about, that before reads,
  // and those before starts.
  void Execute(const SessionId& session, Command command, Done done);
  // The same; the outcome has contents.
  void ExecuteAndShow(const SessionId& session, Command command, Done done);
  // The same for one of many commands for which nobody waits: in a lane of its own, after all else.
  void ExecuteBulk(const SessionId& session, Command command, Done done);
  // The session as it stands, sealed if it is overdue.
  void Get(const SessionId& session, std::string candidate_id, bool with_contents, Done done);

  // What this replica last knew, without waiting: null when it is not in memory, and possibly
  // behind what another replica wrote. For routing and display, never to refuse.
  std::shared_ptr<const State> Peek(const SessionId& session) const;

  // Calls `listener` on every change until the subscription is destroyed; a call that is running or
  // about to run then may still come, so capture weakly. The engine outlives the subscription.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&& other) noexcept;
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription();

   private:
    friend class SessionEngine;
    Subscription(SessionEngine* engine, SessionId session, uint64_t key)
        : engine_(engine), session_(session), key_(key) {}
    SessionEngine* engine_ = nullptr;
    SessionId session_;
    uint64_t key_ = 0;
  };
  [[nodiscard]] Subscription Subscribe(const SessionId& session, Listener listener);

  // Tells `observer` of every session from now on; null: nobody. A call that is running then may
  // still end.
  void Observe(std::shared_ptr<SessionObserver> observer);
  // A candidate's stream is open, or their device says how much it has not saved.
  void NoteAlive(const SessionId& session, std::optional<uint32_t> unsaved = std::nullopt);
  // Whether anybody here has subscribed to it.
  bool Watched(const SessionId& session) const;

  // For the relay to scoring: what is sealed and not scored. Blocks for a query.
  absl::StatusOr<std::vector<OutboxEntry>> PendingOutbox(std::optional<OutboxEntry> after,
                                                         size_t limit);
  // Takes an entry out for good. Recording its score does so too; this is for an answer that can
  // never become a score.
  void MarkDelivered(const SessionId& session, uint32_t attempt_version,
                     absl::AnyInvocable<void(absl::Status)> done);

  // Adds a row to the journal that no event stands behind; its time is set here. In bulk's lane.
  void AddRemark(Remark remark, absl::AnyInvocable<void(absl::Status)> done);

  // What was written of a session has changed behind its log's end: memory forgets it, and those
  // who watch are told how it reads now. In bulk's lane.
  void Reload(const SessionId& session, absl::AnyInvocable<void(absl::Status)> done);

  // For the reconciler and the timer index: running sessions due by `until`, earliest first. Blocks
  // for a query. Send each overdue one Expire.
  absl::StatusOr<std::vector<Scheduled>> ListScheduled(std::optional<Scheduled> after, Time until,
                                                       size_t limit);

  EngineStats Stats() const;
  // false for two seconds after a transaction that did not reach the disk, or until one does: a
  // replica that is sent no more calls must come back by itself. For readiness.
  bool Healthy() const;
  // Refuses new commands, answers all that wait, and returns when the last callback has run. Safe
  // to call twice; not from a callback.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace invigil::session
