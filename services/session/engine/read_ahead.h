// Reads sessions before the writer needs them: when thousands end in one second, most are in
// nobody's memory, and folding a log costs as much as sealing it. A thread of its own folds them
// from another connection, while the writer is at the batch before.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "services/session/engine/job.h"
#include "services/session/engine/session_cache.h"
#include "services/session/store/event_log.h"

namespace invigil::session {

class ReadAhead {
 public:
  // `reader` and `cache` outlive this. `ready` gets each job in the order pushed, when its session
  // is in the cache or can't be read: whoever carries the job out finds out why. `limit`: jobs that
  // may wait.
  ReadAhead(EventLogReader& reader, SessionCache& cache, size_t limit,
            std::function<void(Job)> ready);
  // Stops.
  ~ReadAhead();

  // Takes a command to a session, moving from `job`; false: it is full, or has stopped.
  bool Push(Job& job);
  // Gives on what waits, unread, and ends. Safe to call twice.
  void Stop();

 private:
  void Run();
  void Read(const SessionId& session);

  EventLogReader& reader_;
  SessionCache& cache_;
  const size_t limit_;
  const std::function<void(Job)> ready_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> waiting_;  // under mutex_
  bool stopping_ = false;     // under mutex_
  std::thread thread_;
};

}  // namespace invigil::session
