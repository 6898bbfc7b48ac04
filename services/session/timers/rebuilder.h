#pragma once

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "services/session/timers/deadline_index.h"
#include "services/session/timers/hooks.h"

namespace invigil::session {

struct RebuilderOptions {
  // Rows read from the database and written to Redis at a time; what is in memory.
  size_t batch = 2000;
  // How long a loader that died keeps others out.
  Duration hold = Seconds(10);
};

// Loads shards of the index that have lost their generation from the database, most urgent deadline
// first. One replica loads a shard; when it dies its hold lapses, the shard answers `rebuild` again
// and another takes over. Due sessions are claimed while the rest is still loading. Own thread.
class Rebuilder {
 public:
  // `index` outlives this.
  Rebuilder(DeadlineIndex& index, ListHook list, RebuilderOptions options = {});
  // Stops.
  ~Rebuilder();

  // This shard needs it. Returns at once; asking again while it is being done does nothing.
  void Request(int shard);
  // Returns when the batch in hand is written. Safe to call twice.
  void Stop();

 private:
  struct Shared;
  void Run();
  void Rebuild(const std::set<int>& requested);
  bool LoadBatch(const std::vector<Timer>& batch, const std::set<int>& mine);
  bool Stopping() const;

  DeadlineIndex& index_;
  const ListHook list_;
  const RebuilderOptions options_;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace invigil::session
