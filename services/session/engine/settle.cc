#include "services/session/engine/settle.h"

#include "common/error/error.h"

namespace invigil::session {
namespace {

void Refuse(std::span<Job> jobs, const absl::Status& status) {
  for (Job& job : jobs) job.result = status;
}

}  // namespace

void SettleBatch(Transactor& transactor, std::span<Job> jobs, int race_attempts, const Clock& clock,
                 BatchObserver& observer) {
  absl::Status status;
  for (int attempt = 0; attempt < race_attempts; ++attempt) {
    const Duration begun = clock.Monotonic();
    observer.Trying(jobs);
    Duration decided{0};
    status = transactor.Run(jobs, [&] { decided = clock.Monotonic() - begun; });
    if (status.ok()) return observer.Committed(jobs, decided, clock.Monotonic() - begun);
    if (status.code() != absl::StatusCode::kAlreadyExists) break;
    observer.LostRace();
  }
  if (IsStoreFailure(status)) {
    Refuse(jobs, status);
    observer.StoreFailed(jobs, status);
  } else if (jobs.size() > 1) {
    for (size_t i = 0; i < jobs.size(); ++i) {
      SettleBatch(transactor, jobs.subspan(i, 1), race_attempts, clock, observer);
    }
  } else if (status.code() == absl::StatusCode::kAlreadyExists) {
    Refuse(jobs, Unavailable("CONTENDED", "another replica writes to this session; try again",
                             Millis(50)));
  } else {
    Refuse(jobs, status);
  }
}

}  // namespace invigil::session
