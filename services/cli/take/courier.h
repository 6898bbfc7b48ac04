// Carries answers to the suite and news back, on threads of its own, so that the screen never waits
// for the network.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/random.h"
#include "services/cli/api/api.h"
#include "services/cli/take/machine.h"
#include "services/cli/take/news.h"

namespace invigil::cli::take {

// One session. Only the newest write of an item waits; it waits until the server has answered for
// it. What fails for the moment is repeated with growing pauses. Order: writes, then the
// submission, then questions about the session and its report. Thread-safe.
class Courier {
 public:
  struct Options {
    std::string session_id;
    uint32_t epoch = 0;
    std::string token;
    bool watch = true;       // a second thread follows WatchSession
    double pause_scale = 1;  // tests shorten the pauses
  };
  // `emit` is called from this object's threads. `api` and what `emit` uses outlive this.
  Courier(Api& api, Options options, std::function<void(News)> emit);
  // Ends the watch at once and waits for the call in progress.
  ~Courier();
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  void Post(const Outbox& outbox);
  // Waits until no write waits or `limit` has passed; returns how many still wait.
  size_t Flush(Duration limit);

 private:
  // What the worker does next; nullopt: nothing to do.
  enum class Task { kSave, kSubmit, kRefresh, kReport };
  std::optional<Task> NextTask() const;  // with mutex_ held
  void Work();
  absl::Status Do(Task task);
  absl::Status Save();
  absl::Status SubmitNow();
  absl::Status Refresh();
  absl::Status FetchReport();
  void Settle(Task task, const absl::Status& status);
  void Watch();
  // Sleeps unless stopped.
  void Pause(Duration length);

  Api& api_;
  const Options options_;
  const std::function<void(News)> emit_;
  Stopper watch_stopper_;

  std::mutex mutex_;  // guards what follows up to report_
  std::condition_variable changed_;
  bool stop_ = false;
  std::map<std::string, session::v1::ResponseWrite> waiting_;
  std::optional<std::vector<session::v1::ItemSequence>> submit_;
  bool refresh_ = false;
  bool report_ = false;

  int failures_ = 0;     // in a row; worker thread only
  Random random_;        // worker thread only
  Random watch_random_;  // watch thread only
  std::thread worker_, watcher_;
};

}  // namespace invigil::cli::take
