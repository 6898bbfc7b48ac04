// Group commit: one thread, one connection, one transaction for everything that waits.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "services/item_bank/store/connection.h"

namespace invigil::item_bank {

// Takes what is queued (at most kBatch jobs, no added delay), runs each in its own savepoint inside
// one transaction, commits, and only then reports. A job that fails is undone alone. Thread-safe.
class Writer {
 public:
  // Writes through the connection; an error undoes all it wrote. Must not wait for anything. Run
  // again from the start when another replica was first.
  using Job = std::function<absl::Status(Connection&)>;
  // Called once, on the writer's thread, after the commit: OK means durable. Must be quick.
  using Done = std::function<void(const absl::Status&)>;

  static constexpr size_t kBatch = 64;

  Writer(std::unique_ptr<Connection> connection, size_t capacity);
  // Finishes what is queued.
  ~Writer();
  // false: the queue is full or the writer stops; neither function will be called.
  bool Submit(Job job, Done done);

 private:
  struct Entry {
    Job job;
    Done done;
    absl::Status status;
  };
  void Loop();
  void Commit(std::vector<Entry>& batch);
  absl::Status RunAll(std::vector<Entry>& batch, bool last_attempt);

  const std::unique_ptr<Connection> connection_;
  const size_t capacity_;
  sql::Statement savepoint_, undo_, release_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Entry> queue_;
  bool stopping_ = false;
  std::thread thread_;  // last: starts when everything above is there
};

}  // namespace invigil::item_bank
