// Registration for a whole process: desks on threads of their own.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/rpc/executor.h"
#include "services/session/registration/admissions.h"
#include "services/session/registration/desk.h"

namespace invigil::session::registration {

// Thread-safe. Starts and what is short run on kShortThreads; what is long, on a thread of its own.
// So no start waits for an import on PostgreSQL. An SQLite file has one writer at a time: there
// Admit, which only reads, waits for nobody, and Confirm, which notes the registration, for the
// transaction of an import that is being written.
class Registrar final : public Admissions {
 public:
  static constexpr int kShortThreads = 3;

  // Once the session engine has made its tables. `clock`, which the rules go by, outlives it; its
  // monotonic time is what Ask::end is told in.
  // Errors: FAILED_PRECONDITION (STORE_UNUSABLE, STORE_NEWER).
  static absl::StatusOr<std::unique_ptr<Registrar>> Open(const Locations& locations,
                                                         const Clock& clock);
  ~Registrar() override;

  void Admit(Ask ask, Done done) override;
  void Confirm(const SessionId& session, Ask ask, Done done) override;

  enum class Length { kShort, kLong };
  // Runs `work` with a desk of its own for that time. false: too much waits; `work` is not run.
  bool TryRun(Length length, std::function<void(Desk&)> work);
  Time Now() const { return clock_.Now(); }
  // Answers what waits and takes no more.
  void Stop();

 private:
  Registrar(std::vector<std::unique_ptr<Desk>> desks, const Clock& clock);
  void RunOrRefuse(std::optional<Duration> end,
                   std::function<absl::StatusOr<Admission>(Desk&)> work, Done done);

  const Clock& clock_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Desk>> free_;  // under mutex_; one for each thread there is
  rpc::Executor short_, long_;               // last: they end before what they use goes
};

}  // namespace invigil::session::registration
