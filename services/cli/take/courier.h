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
// it. What fails for the moment is repeated with growing pauses. Order: writes, then what the
// screen shows and which messages were read, then moves and the submission, then questions about
// the session and its report. After the suite was away it is asked what it holds, and gets what
// differs from here: what it acknowledged and lost is sent again, what it stored without our
// hearing of it is not. Thread-safe.
class Courier {
 public:
  struct Options {
    std::string session_id;
    uint32_t epoch = 0;
    std::string token;
    // What the server holds at the beginning, from GetSession.
    std::vector<session::v1::StoredResponse> stored = {};
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
  // Waits until no write and no flag waits or `limit` has passed; returns how many writes still
  // wait.
  size_t Flush(Duration limit);

 private:
  // What the worker does next; nullopt: nothing to do.
  enum class Task { kReconcile, kSave, kConfirm, kProgress, kMove, kSubmit, kRefresh, kReport };
  std::optional<Task> NextTask() const;  // with mutex_ held
  void Work();
  absl::Status Do(Task task);
  absl::Status Reconcile();
  absl::Status Save();
  absl::Status Confirm();
  absl::Status TellProgress();
  absl::Status MakeMove();
  absl::Status SubmitNow();
  absl::Status Refresh();
  absl::Status FetchReport();
  void Settle(Task task, const absl::Status& status);
  // Refused for some items alone: these are dropped. False: it was refused for another reason.
  bool DropRejected(const absl::Status& status);
  void NoteFailure(Task task, const absl::Status& status);
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
  std::map<std::string, session::v1::ResponseWrite>
      newest_;                        // of every item, whatever became of it
  bool reconcile_ = false;            // the suite was away
  std::vector<std::string> confirm_;  // messages that were read, the first first
  std::optional<Progress> progress_;
  std::optional<Move> move_;
  std::optional<std::vector<session::v1::ItemSequence>> submit_;
  bool refresh_ = false, reload_ = false, after_move_ = false;
  bool report_ = false;

  int failures_ = 0;     // in a row; worker thread only
  Random random_;        // worker thread only
  Random watch_random_;  // watch thread only
  std::thread worker_, watcher_;
};

}  // namespace invigil::cli::take
