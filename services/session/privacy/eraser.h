// Takes a candidate out of the sessions' store: out of the events, the tables that find sessions,
// and the refusals in the journal. What was answered, when, and how it was scored stays, under a
// name that nobody can trace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"
#include "services/session/domain/session.h"
#include "services/session/domain/session_id.h"
#include "services/session/privacy/journal_pen.h"
#include "services/session/store/postgres_event_log.h"

namespace invigil::session::privacy {

struct HeldSession {
  SessionId session;
  std::string exam_id;
  SessionState state = SessionState::kNone;
  bool live() const { return state < SessionState::kSubmitted; }
};

// What an erasure took a candidate out of.
struct Counts {
  uint64_t sessions = 0;
  uint64_t events = 0;  // of these sessions, that named the candidate or quoted anybody
  uint64_t starts = 0;
  uint64_t refusals = 0;
  uint64_t notices = 0;
  uint64_t registrations = 0;
  uint64_t sittings = 0;
  uint64_t accommodations = 0;
  uint64_t requests = 0;
  bool none() const { return *this == Counts(); }
  friend bool operator==(const Counts&, const Counts&) = default;
};
// "1,2,..." in the order above, and back; what can't be read is 0.
std::string CountsText(const Counts& counts);
Counts CountsOf(std::string_view text);

// A name that nobody can trace, and whether one is such a name.
std::string NewErasedName();
bool IsErasedName(std::string_view candidate_id);

// The actor of what happens by itself because it was kept long enough.
inline constexpr char kRetention[] = "retention";

// An erasure that was asked for. While it is under way it knows the candidate, afterwards only the
// name.
struct Erasure {
  std::string request_id;
  std::string candidate_id;  // empty: done
  std::string person;        // what the candidate is called from then on
  std::string actor;
  std::string reason;
  Time asked{};
  Counts counts;
  bool bank_told = false;  // the item bank knows the name
};

// One connection; one thread at a time; blocks. Any number of processes may use one store: each
// step is a transaction that either did what it says or nothing, and may be repeated. Errors: those
// of sql::Statement::Step and those named.
class Eraser {
 public:
  // On a store that OpenEventLog has opened before. Errors: FAILED_PRECONDITION (STORE_UNUSABLE).
  static absl::StatusOr<std::unique_ptr<Eraser>> Open(const std::string& location,
                                                      const std::string& schema = kPostgresSchema);

  ~Eraser();

  // Reads all sessions there are: for what is seldom asked, no index is worth its upkeep.
  absl::StatusOr<std::vector<HeldSession>> SessionsOf(std::string_view candidate_id);

  // Takes the candidate out of one session. Adds to `counts`. Nothing is done when the session is
  // no longer the candidate's. With kRemind the same transaction writes down, without the
  // candidate, that the item bank is to be told. Errors: FAILED_PRECONDITION (SESSION_LIVE),
  // DATA_LOSS (LOG_CORRUPT).
  enum class Reminder : uint8_t { kNone, kRemind };
  absl::Status EraseSession(const SessionId& session, const Erasure& erasure, Time now,
                            Counts& counts, Reminder reminder = Reminder::kNone);
  // Takes people's words out of one session, whoever's it is, and gives out of how many events;
  // `dry`: only counts them.
  absl::StatusOr<uint64_t> EraseWords(const SessionId& session, int64_t days, Time now, bool dry);
  // Out of refusals, whatever session was reached for.
  absl::Status EraseRefusals(const Erasure& erasure, Time now, Counts& counts);
  // Out of starts whose session is another's by now, or never came to be.
  absl::Status EraseStarts(const Erasure& erasure, Counts& counts);

  absl::StatusOr<std::optional<Erasure>> Find(std::string_view request_id);
  // Where another process was first, its erasure stands: see Find.
  absl::Status Begin(const Erasure& erasure);
  // Forgets the candidate and keeps the counts; the journal remarks it.
  absl::Status End(const Erasure& erasure, Time now);
  // Gives up one that was refused before anything was done.
  absl::Status GiveUp(std::string_view request_id);
  // Those that are under way: half done by a process that ended.
  absl::StatusOr<std::vector<Erasure>> UnderWay(size_t limit);

  // Done ones of which the item bank does not know the name.
  absl::StatusOr<std::vector<Erasure>> ToTellBank(size_t limit);
  absl::Status BankTold(std::string_view request_id);

  // Sessions of which a person or people's words were taken out by rows of the journal above
  // `after`, and the last row looked at.
  struct News {
    std::vector<SessionId> sessions;
    uint64_t last = 0;
  };
  absl::StatusOr<News> ErasedSince(uint64_t after);
  absl::StatusOr<uint64_t> LastRow();

 private:
  struct Statements;
  explicit Eraser(sql::Database db);
  absl::Status Transact(absl::FunctionRef<absl::Status()> work);
  absl::Status RedactEvents(const SessionId& session, const Erasure& erasure, Counts& counts);
  absl::Status RedactNotices(const SessionId& session, const Erasure& erasure, Counts& counts);

  sql::Database db_;
  std::unique_ptr<Statements> statements_;
  JournalPen pen_;
};

}  // namespace invigil::session::privacy
