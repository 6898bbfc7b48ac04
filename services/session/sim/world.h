// One simulated suite and its history: everything that takes part, and the chances it shares.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "services/session/sim/agenda.h"
#include "services/session/sim/candidate.h"
#include "services/session/sim/checker.h"
#include "services/session/sim/faults.h"
#include "services/session/sim/index.h"
#include "services/session/sim/replica.h"
#include "services/session/sim/scoring.h"
#include "services/session/sim/store.h"
#include "services/session/sim/trace.h"

namespace invigil::session::sim {

struct World {
  World(uint64_t seed, bool traced, Bug bug);
  ~World();

  // Plays the whole history and checks it.
  void Play();

  bool FaultsOn() const { return agenda.now() < kBegin + plan.until; }
  bool Roll(double chance) {
    return chance > 0 && random.Uniform() < chance && FaultsOn() && !checker.failed();
  }
  Duration Between(Duration low, Duration high) {
    return low + Duration(static_cast<int64_t>(
                     random.Below(static_cast<uint64_t>((high - low).count()) + 1)));
  }
  // Of a message.
  Duration Delay();
  // Until the store takes a replica's next transaction.
  Duration StoreDelay();
  Duration RestartDelay();
  Duration WallError() { return Between(-plan.skew, plan.skew); }
  size_t forms() const;

  // From somebody outside to the suite and back. `handler` is called at most twice; never, when a
  // message is lost. Copyable: a repeated request answers each time.
  void Call(const Ask& ask, std::function<void(const Result&)> handler);
  // Lets another replica write in the middle of `writer`'s transaction.
  void WriteElsewhere(const Replica& writer);
  std::string NextId();
  // A replica took its own clock for the time because Redis was silent.
  void TrustedUnheard(Duration wall_error);

  const uint64_t seed;
  const Bug bug;
  Random random;
  const FaultPlan plan;
  Agenda agenda{kBegin};
  Trace trace;
  Store store;
  Index index;
  Checker checker;
  Scoring scoring;
  std::vector<std::unique_ptr<Replica>> replicas;
  std::vector<std::unique_ptr<Candidate>> candidates;

  uint64_t deaths = 0, lost_races = 0;
  std::array<uint64_t, kAwaitPoints> crashes{};

 private:
  friend class Nemesis;
  Replica& Route(const Ask& ask);
  void Heal();
  bool RunUntil(Time end);
  void ResumeAll();
  // Has `ask` arrive within a microsecond of its session's deadline, where a wrong comparison
  // shows.
  bool MeetDeadline(const Ask& ask, const std::function<void(const Result&)>& answer);

  int writing_elsewhere_ = 0;
  uint64_t ids_ = 0;
};

}  // namespace invigil::session::sim
