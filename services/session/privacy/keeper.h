// Retention: what was kept long enough goes, kind by kind, a little at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "services/session/privacy/eraser.h"
#include "services/session/registration/store.h"

namespace invigil::session::privacy {

// For how many days each kind is kept; 0: for ever. What is in no list here is kept with its
// session: responses, times and results, which name nobody once the session's candidate is erased.
// Heartbeats and the roster are never stored.
struct Policy {
  int64_t sessions = 0;       // then they are of nobody: as an erasure, a name for each
  int64_t words = 0;          // then messages, reports of irregularities, notes and reasons go
  int64_t registrations = 0;  // whose window is closed, or that were cancelled
  int64_t journal = 0;        // then its oldest rows go
};

// One kind's share of a pass.
struct Kept {
  std::string kind;   // "sessions", "words", "registrations", "journal"
  int64_t days = 0;   // as the policy says
  uint64_t due = 0;   // found over age
  uint64_t done = 0;  // taken out; 0 in a dry run
  std::string error;  // why it stopped or left something out; empty: it did not
};

// Thread-safe: one call at a time. Any number of processes may use one store; one of them works at
// a time, by a lease.
class Keeper {
 public:
  struct Places {
    std::string sessions, registrations;
    std::string sessions_schema = kPostgresSchema;
    std::string registrations_schema = registration::kPostgresSchema;
  };
  // Errors: FAILED_PRECONDITION (STORE_UNUSABLE, STORE_NEWER).
  static absl::StatusOr<std::unique_ptr<Keeper>> Open(const Places& places, Policy policy,
                                                      const Clock& clock);
  ~Keeper();

  // Told of each session whose log was changed, so that memory forgets it; `stop` is asked between
  // two transactions. A pass in small transactions: none holds up a save for longer than a few
  // milliseconds. Errors of one kind stop that kind only, and a session whose log can't be read
  // stops nothing: it is left out, and said. FAILED_PRECONDITION (RETENTION_BUSY): another process
  // is at it.
  absl::StatusOr<std::vector<Kept>> Run(bool dry, absl::FunctionRef<void(const SessionId&)> changed,
                                        absl::FunctionRef<bool()> stop);

 private:
  struct Statements;
  Keeper(sql::Database db, sql::Database registrations, std::unique_ptr<Eraser> eraser,
         Policy policy, const Clock& clock);
  struct Pass {
    bool dry;
    absl::FunctionRef<void(const SessionId&)> changed;
    absl::FunctionRef<bool()> stop;
  };
  // Before each page, so that nobody else takes it meanwhile. Errors: FAILED_PRECONDITION
  // (RETENTION_BUSY): another has it.
  absl::Status TakeLease();
  absl::Status Renew(const Pass& pass);
  void GiveLease();
  absl::Status Sessions(const Pass& pass, Kept& kept);
  absl::Status Words(const Pass& pass, Kept& kept);
  // Words that were written after their session had its turn: sessions up to the id `had_turn`.
  absl::Status LateWords(const Pass& pass, std::string_view had_turn, Kept& kept);
  absl::Status WordsOf(const Pass& pass, const std::vector<SessionId>& sessions, Kept& kept);
  absl::Status Registrations(const Pass& pass, Kept& kept);
  absl::Status Journal(const Pass& pass, Kept& kept);
  Time Before(int64_t days) const;

  std::mutex mutex_;  // held for as long as a call takes
  sql::Database db_, registrations_;
  const std::unique_ptr<Statements> statements_;
  const std::unique_ptr<Eraser> eraser_;
  const Policy policy_;
  const Clock& clock_;
  const std::string name_;  // of this process, for the lease
};

}  // namespace invigil::session::privacy
