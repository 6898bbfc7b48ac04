// The one who breaks things on purpose: processes, Redis, scoring, clocks. One table.
#pragma once

#include <cstdint>

#include "services/session/sim/replica.h"

namespace invigil::session::sim {

class Nemesis {
 public:
  // Strikes until the plan's faults end.
  explicit Nemesis(World& world);

 private:
  friend struct Blow;
  void Strike();
  void KillOne();
  void KillAll();
  void Freeze();
  void RedisAway();
  void Flush();
  void Copy();
  void FailOver();
  void ScoringAway();
  void WallJumps();
  void RedisDrifts();
  void RedisJumps();
  void RedisJumpsFar();
  Replica& Victim();

  World& world_;
};

}  // namespace invigil::session::sim
