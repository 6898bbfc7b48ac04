#include "services/session/engine/answers.h"

#include <utility>

namespace invigil::session {

void Answerer::WaitForRoom() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !waiting_; });
}

void Answerer::Put(Answers answers) {
  {
    const std::lock_guard lock(mutex_);
    waiting_ = std::move(answers);
  }
  changed_.notify_all();
}

void Answerer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Answerer::Run() {
  for (;;) {
    Answers answers;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return waiting_ || stopping_; });
      if (!waiting_) return;
      answers = *std::exchange(waiting_, std::nullopt);
    }
    changed_.notify_all();
    for (Job& job : answers.jobs) job.done(std::move(job.result));
    for (const auto& tell : answers.news) tell();
  }
}

}  // namespace invigil::session
