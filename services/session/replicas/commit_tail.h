// Hears of what other replicas commit, from the journal all of them write: a screen whose stream is
// here is told within half a second of a grant, a pause or a message that was given elsewhere.
//
// Where the database lost its last commits, or came back from a backup, numbers are given again:
// the row that was read last is read again each time, and if it is another, this goes back to the
// newest row that still is what it was.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/status/statusor.h"
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
  // Whether the rows that were read are still there; if not, stands at the newest that is.
  absl::StatusOr<bool> StillThere();
  void Remember(const JournalRow& row);

  SessionEngine& engine_;
  const std::unique_ptr<EventLogReader> reader_;
  const Duration every_;
  bool begun_ = false;
  std::deque<JournalHead> read_;  // the newest rows read, one after another; never empty once begun
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace invigil::session
