#include "services/session/registration/registrar.h"

#include <utility>

#include "common/error/error.h"

namespace invigil::session::registration {
namespace {

constexpr size_t kShortQueue = 4096, kLongQueue = 64;
constexpr int kLongThreads = 1;

absl::Status TooLate() {
  return Error(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
               "the caller's time was over before the start was judged; try again");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Registrar>> Registrar::Open(const Locations& locations,
                                                           const Clock& clock) {
  std::vector<std::unique_ptr<Desk>> desks;
  for (int i = 0; i < kShortThreads + kLongThreads; ++i) {
    auto desk = Desk::Open(locations);
    if (!desk.ok()) return desk.status();
    desks.push_back(*std::move(desk));
  }
  return std::unique_ptr<Registrar>(new Registrar(std::move(desks), clock));
}

Registrar::Registrar(std::vector<std::unique_ptr<Desk>> desks, const Clock& clock)
    : clock_(clock),
      free_(std::move(desks)),
      short_("registration", kShortThreads, kShortQueue),
      long_("registration_bulk", kLongThreads, kLongQueue) {}

Registrar::~Registrar() { Stop(); }

void Registrar::Stop() {
  short_.Stop();
  long_.Stop();
}

bool Registrar::TryRun(Length length, std::function<void(Desk&)> work) {
  rpc::Executor& executor = length == Length::kShort ? short_ : long_;
  return executor.TryRun([this, work = std::move(work)] {
    std::unique_ptr<Desk> desk;
    {
      // There are as many as threads: one is always free.
      const std::lock_guard lock(mutex_);
      desk = std::move(free_.back());
      free_.pop_back();
    }
    work(*desk);
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(desk));
  });
}

void Registrar::Admit(Ask ask, Done done) {
  const auto end = ask.end;
  RunOrRefuse(
      end, [this, ask = std::move(ask)](Desk& desk) { return desk.Admit(ask, Now()); },
      std::move(done));
}

void Registrar::Confirm(const SessionId& session, Ask ask, Done done) {
  const auto end = ask.end;
  RunOrRefuse(
      end,
      [this, session, ask = std::move(ask)](Desk& desk) {
        return desk.Confirm(session, ask, Now());
      },
      std::move(done));
}

void Registrar::RunOrRefuse(std::optional<Duration> end,
                            std::function<absl::StatusOr<Admission>(Desk&)> work, Done done) {
  const bool queued = TryRun(Length::kShort, [this, end, work = std::move(work), done](Desk& desk) {
    // Nobody waits any more: the time is better spent on those who do.
    if (end && clock_.Monotonic() >= *end) return done(TooLate());
    done(work(desk));
  });
  if (!queued) done(ResourceExhausted("OVERLOADED", "too many starts wait; try again"));
}

}  // namespace invigil::session::registration
