// Hears of what other replicas commit, from the journal all of them write: a screen whose stream is
// here is told within half a second of a grant, a pause or a message that was given elsewhere.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "common/base/time.h"
#include "services/session/engine/session_engine.h"
#include "services/session/store/event_log.h"

namespace invigil::session {

// Own thread. The engine outlives Stop.
class CommitTail {
 public:
  // Reads on a connection of its own.
  CommitTail(SessionEngine& engine, std::unique_ptr<EventLogReader> reader,
             Duration every = Millis(250));
  // Stops.
  ~CommitTail();
  // From what the journal holds now.
  void Start();
  // Safe to call twice.
  void Stop();

 private:
  void Run();
  void Read();

  SessionEngine& engine_;
  const std::unique_ptr<EventLogReader> reader_;
  const Duration every_;
  bool begun_ = false;
  uint64_t after_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace invigil::session
