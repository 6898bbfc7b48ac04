#include "services/session/registration/registrar.h"

#include <utility>

#include "common/error/error.h"

namespace invigil::session::registration {
namespace {

constexpr size_t kShortQueue = 4096, kLongQueue = 64;
constexpr int kLongThreads = 1;

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
  RunOrRefuse([this, ask = std::move(ask)](Desk& desk) { return desk.Admit(ask, Now()); },
              std::move(done));
}

void Registrar::Confirm(const SessionId& session, Ask ask, Done done) {
  RunOrRefuse([this, session,
               ask = std::move(ask)](Desk& desk) { return desk.Confirm(session, ask, Now()); },
              std::move(done));
}

void Registrar::RunOrRefuse(std::function<absl::StatusOr<Admission>(Desk&)> work, Done done) {
  const bool queued =
      TryRun(Length::kShort, [work = std::move(work), done](Desk& desk) { done(work(desk)); });
  if (!queued) done(ResourceExhausted("OVERLOADED", "too many starts wait; try again"));
}

}  // namespace invigil::session::registration
