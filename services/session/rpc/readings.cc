#include "services/session/rpc/readings.h"

#include <sys/prctl.h>

#include <utility>

#include "common/error/error.h"

namespace invigil::session {
namespace {

constexpr size_t kWaiting = 16;

}  // namespace

Readings::Readings() : thread_([this] { Run(); }) {}

Readings::~Readings() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Readings::Add(Read read, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kWaiting) return false;
    waiting_.push_back({std::move(read), std::move(done)});
  }
  wake_.notify_one();
  return true;
}

void Readings::Run() {
  prctl(PR_SET_NAME, "readings");
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping() || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const Reading next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    absl::Status status = stopping() ? absl::CancelledError("") : next.read();
    if (absl::IsCancelled(status) && stopping()) {
      status = Unavailable("SHUTTING_DOWN", "this replica is stopping; try again");
    }
    next.done(status);
    lock.lock();
  }
}

}  // namespace invigil::session
