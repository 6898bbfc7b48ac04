#include "services/session/engine/read_ahead.h"

#include <sys/prctl.h>

#include <memory>
#include <utility>

#include "services/session/engine/fold.h"

namespace invigil::session {

ReadAhead::ReadAhead(EventLogReader& reader, SessionCache& cache, size_t limit,
                     std::function<void(Job)> ready)
    : reader_(reader), cache_(cache), limit_(limit), ready_(std::move(ready)), thread_([this] {
        Run();
      }) {}

ReadAhead::~ReadAhead() { Stop(); }

bool ReadAhead::Push(Job& job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() >= limit_) return false;
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void ReadAhead::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ReadAhead::Run() {
  prctl(PR_SET_NAME, "engine-ahead");
  std::vector<Job> jobs;
  for (;;) {
    bool stopping;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      jobs.swap(waiting_);
      stopping = stopping_;
    }
    if (jobs.empty()) return;  // nothing comes after stopping_
    for (Job& job : jobs) {
      if (!stopping) Read(std::get<CommandJob>(job.work).session);
      ready_(std::move(job));
    }
    jobs.clear();
  }
}

void ReadAhead::Read(const SessionId& session) {
  if (cache_.Peek(session)) return;
  const uint64_t drops = cache_.Drops(session);
  const auto state = std::make_shared<State>();
  const absl::Status status =
      reader_.ReadLog(session, [&](uint64_t seq, Time at, const Event& event) {
        return FoldNext(session, *state, seq, at, event);
      });
  if (status.ok() && state->exists()) cache_.PutAhead(session, state, drops);
}

}  // namespace invigil::session
