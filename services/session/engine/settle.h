// How a batch gets its answers, free of threads: the writer of the engine and the simulator use it.
#pragma once

#include <span>

#include "absl/status/status.h"
#include "services/session/engine/job.h"
#include "services/session/engine/transactor.h"

namespace invigil::session {

// What whoever runs batches is told on the way. Calls come between transactions.
class BatchObserver {
 public:
  virtual ~BatchObserver() = default;
  // A transaction with `jobs` is about to begin.
  virtual void Trying(std::span<Job> jobs) {}
  // `jobs` are durable and have their results; the transactor's `touched` says what became of whom.
  // Both durations are from the beginning: until only the commit was left, and until it was done.
  virtual void Committed(std::span<Job> jobs, Duration decided, Duration duration) = 0;
  // Another writer was first; the same jobs are decided again.
  virtual void LostRace() = 0;
  // The store can't take `jobs` now; all of them are refused with `status`, and nothing of them is
  // durable, unless it says outcome=unknown: then all may be, and a repeat finds out.
  virtual void StoreFailed(std::span<Job> jobs, const absl::Status& status) = 0;
};

// Gets every job its result: together if that works, else one by one, so that what is wrong with
// one is no concern of the others. A transaction that lost a race is decided again up to
// `race_attempts` times; then the result is UNAVAILABLE (CONTENDED).
void SettleBatch(Transactor& transactor, std::span<Job> jobs, int race_attempts, const Clock& clock,
                 BatchObserver& observer);

}  // namespace invigil::session
