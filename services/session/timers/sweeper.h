#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "common/base/clock.h"
#include "services/session/timers/deadline_index.h"
#include "services/session/timers/expirer.h"

namespace invigil::session {

struct SweeperOptions {
  Duration period = Millis(200);
  // Time to seal what was claimed before another replica may claim it too. Harmless when too short
  // (sealing is idempotent), only wasteful; the delay after a crash when too long.
  Duration lease = Seconds(5);
  // After a failed attempt.
  Duration retry = Seconds(1);
  // Most ids one claim takes from a shard.
  int max_per_claim = 100;
};

// Ends sessions on time: claims what is due from every shard of the index and gives it to the
// expirer. Every replica runs one; each due session goes to one of them, and to another when that
// one dies. Own thread; claims of all shards are on their way together, and a shard that had more
// than one claim takes is claimed again at once.
class Sweeper {
 public:
  // All references outlive this; `index` also outlives the expirer's answers.
  // `may_sweep`: asked before every round. `on_rebuild`: a shard has lost its generation, or has
  // another server's; called on the Redis client's thread, must not block.
  Sweeper(const Clock& clock, DeadlineIndex& index, Expirer& expirer,
          std::function<bool()> may_sweep, std::function<void(int shard)> on_rebuild,
          SweeperOptions options = {});
  // Stops.
  ~Sweeper();

  void Start();
  // Claims nothing more and returns when the claims under way have been answered. What was claimed
  // and not started goes to another replica when the lease ends. Safe to call twice.
  void Stop();

  // Whether the last whole round heard from every shard, and none of them was incomplete.
  bool Healthy() const;

 private:
  struct Shared;
  void Run();
  void StartReady();
  void ClaimShards();

  const Clock& clock_;
  DeadlineIndex& index_;
  Expirer& expirer_;
  const std::function<bool()> may_sweep_;
  const SweeperOptions options_;
  const SystemClock pace_;          // rounds follow real time also when a test stands still
  std::shared_ptr<Shared> shared_;  // with the callbacks
  std::thread thread_;
};

}  // namespace invigil::session
