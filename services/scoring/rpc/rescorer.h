// The worker behind rescorings: computes previews, writes what was approved, and goes on where it,
// or another replica, stopped. A thread of its own, and a few more for the arithmetic.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/rpc/rescore_session.h"
#include "services/scoring/store/sql_score_store.h"

namespace invigil::scoring {

struct RescorerOptions {
  int threads = 2;
  // Sessions in one transaction: enough to share its sync, few enough that scores which wait for
  // the writer wait for milliseconds.
  size_t page = 256;
  // Looks for work at least this often: what another replica left.
  Duration poll = Seconds(1);
  // Whoever works on a rescoring keeps others away so long; it is renewed with every page.
  Duration lease = Seconds(5);
  // Names this replica, so that it has its own leases again after a restart. Empty: made up.
  std::string owner;
};

// Progress is durable page by page: a page's lines, its new scores and the place behind it are one
// transaction that only happens where the page before left off. So a process may die at any moment,
// and several may work at once: each session gets exactly one new version.
class Rescorer {
 public:
  // What it is given outlives it.
  Rescorer(ScoringStore& store, KeyRing& ring, const Clock& clock, RescorerOptions options = {});
  // Stops after the page it is at.
  ~Rescorer();
  Rescorer(const Rescorer&) = delete;
  // There is something to do. Any thread.
  void Kick();

 private:
  void Loop();
  bool Stopping();
  // Goes on with one rescoring: with an approved one to its end, with a preview for a while, so
  // that nobody's look at many sessions holds an approved correction up. Whether something is left.
  absl::StatusOr<bool> Work(RescoringRecord record);
  // Gives a preview up that another approval overtook: nobody can approve it. Whether it was.
  absl::StatusOr<bool> GaveUpStale(const RescoringRecord& record);
  // One page. `record` follows what was stored.
  absl::Status Turn(RescoringRecord& record, SessionRescorer& rescorer);
  absl::Status Preview(const RescoringRecord& record, SessionRescorer& rescorer,
                       RescoringStep& step);
  absl::Status Apply(const RescoringRecord& record, SessionRescorer& rescorer, RescoringStep& step);
  absl::Status CatchUp(const RescoringRecord& record, SessionRescorer& rescorer,
                       RescoringStep& step);
  absl::StatusOr<std::vector<RescoredSession>> RescoreAll(
      const std::vector<ScoredSession>& sessions, SessionRescorer& rescorer, bool with_score);

  ScoringStore& store_;
  KeyRing& ring_;
  const Clock& clock_;
  const RescorerOptions options_;
  const std::string owner_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool kicked_ = false;    // under mutex_
  bool stopping_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace invigil::scoring
