// Decides a batch of jobs and commits it, or leaves no trace. Used by the writer thread only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "common/base/ids.h"
#include "services/session/engine/content_cache.h"
#include "services/session/engine/job.h"
#include "services/session/engine/session_cache.h"
#include "services/session/store/event_log.h"

namespace invigil::session {

// Whether the store as a whole can't write now, so that trying single jobs is no use.
bool IsStoreFailure(const absl::Status& status);

class Transactor {
 public:
  // All outlive this. `new_id` names new sessions; a simulation that must repeat brings its own.
  Transactor(EventLog& log, SessionCache& cache, std::function<std::string(Time)> new_id = NewId)
      : log_(log), cache_(cache), new_id_(std::move(new_id)) {}

  // Every job's `result` is set when OK: everything they did is durable and published to the cache.
  // Otherwise nothing is (with outcome=unknown, see sql::Transaction::Commit, all of it may be), no
  // result counts, and the sessions touched are out of the cache. Errors: ALREADY_EXISTS (another
  // writer was first: run it again), a store failure, or what a single job met: then run the jobs
  // one by one to find out which. `decided` is called when only the commit is left.
  absl::Status Run(
      std::span<Job> jobs, absl::FunctionRef<void()> decided = [] {});

  // A session this transaction worked on.
  struct Touched {
    SessionId session;
    std::shared_ptr<const State> known;   // what the cache had; null: nothing
    std::shared_ptr<const State> before;  // as committed before this transaction; never null
    std::shared_ptr<State> after;         // null: unchanged
    std::shared_ptr<const State> state() const { return after ? after : before; }
  };
  // Of the last Run. Valid until the next.
  const std::deque<Touched>& touched() const { return touched_; }
  size_t events() const { return events_; }

 private:
  absl::Status RunOpen(std::span<Job> jobs);
  // Contents that were certain may not be after a store that forgets has a new generation.
  void ForgetContents();
  absl::Status Do(Job& job);
  absl::Status DoCommand(const CommandJob& work, Job& job);
  absl::Status DoReload(const ReloadJob& work, Job& job);
  absl::Status DoStart(const StartRequest& request, Job& job);
  // The newest state of a session, read from the log where the cache is not certain.
  absl::Status CheckNoneLive(const Touched& sealed);
  absl::StatusOr<Touched*> Load(const SessionId& session);
  absl::StatusOr<std::shared_ptr<const State>> Fold(const SessionId& session,
                                                    const std::shared_ptr<const State>& from);
  // Decides, applies and appends.
  absl::StatusOr<Decision> Carry(Touched& session, const Command& command, Time now);
  absl::Status StoreContents(const CommandJob& work);
  // Sets what the form shows: of its places and of its parts. Errors: INVALID_ARGUMENT
  // (FORM_INVALID) when something of it is missing.
  absl::Status SetContents(const Form& form, Outcome& outcome);
  absl::StatusOr<ContentCache::Bytes> ContentOf(std::string_view content_id);
  void Publish(std::span<Job> jobs);

  EventLog& log_;
  SessionCache& cache_;
  const std::function<std::string(Time)> new_id_;
  ContentCache contents_;
  uint64_t contents_generation_ = 0;  // of the log, when they were put there
  absl::flat_hash_map<std::string, ContentCache::Bytes> read_contents_;  // certain after the commit
  std::deque<Touched> touched_;
  absl::flat_hash_map<SessionId, Touched*> index_;
  std::vector<SessionId> reload_;  // not to be remembered after the commit
  size_t events_ = 0;
};

}  // namespace invigil::session
