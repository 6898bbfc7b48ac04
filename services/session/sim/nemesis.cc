#include "services/session/sim/nemesis.h"

#include <algorithm>

#include "services/session/sim/world.h"

namespace invigil::session::sim {

struct Blow {
  uint64_t weight;
  const char* name;
  void (Nemesis::*deal)();
  static const Blow kBlows[];
};
const Blow Blow::kBlows[] = {
    {8, "a replica is killed", &Nemesis::KillOne},
    {2, "all replicas are killed", &Nemesis::KillAll},
    {6, "a replica stands still", &Nemesis::Freeze},
    {6, "Redis goes away", &Nemesis::RedisAway},
    {6, "Redis is flushed", &Nemesis::Flush},
    {4, "a copy of Redis lags from here", &Nemesis::Copy},
    {4, "Redis fails over to the copy", &Nemesis::FailOver},
    {4, "scoring goes away", &Nemesis::ScoringAway},
    {3, "a machine's wall clock jumps", &Nemesis::WallJumps},
    {3, "the clock of Redis drifts", &Nemesis::RedisDrifts},
    {1, "the clock of Redis jumps by seconds", &Nemesis::RedisJumps},
    {2, "the clock of Redis jumps far", &Nemesis::RedisJumpsFar},
};

Nemesis::Nemesis(World& world) : world_(world) {
  if (world_.plan.nemesis_every > Duration(0)) {
    world_.agenda.In(world_.Between(Duration(0), world_.plan.nemesis_every), [this] { Strike(); });
  }
}

void Nemesis::Strike() {
  if (!world_.FaultsOn()) return;
  uint64_t total = 0;
  for (const Blow& blow : Blow::kBlows) total += blow.weight;
  uint64_t dice = world_.random.Below(total);
  for (const Blow& blow : Blow::kBlows) {
    if (dice < blow.weight) {
      world_.trace.Line(world_.agenda.now(), "* %s", blow.name);
      (this->*blow.deal)();
      break;
    }
    dice -= blow.weight;
  }
  world_.agenda.In(
      world_.plan.nemesis_every / 2 + world_.Between(Duration(0), world_.plan.nemesis_every),
      [this] { Strike(); });
}

Replica& Nemesis::Victim() { return *world_.replicas[world_.random.Below(world_.replicas.size())]; }

void Nemesis::KillOne() { Victim().Kill("kill -9"); }
void Nemesis::KillAll() {
  for (auto& replica : world_.replicas) replica->Kill("kill -9");
}
void Nemesis::Freeze() {
  const Time until = world_.agenda.now() + world_.Between(Millis(100), Seconds(5));
  Victim().FreezeUntil(std::min(until, kBegin + world_.plan.until));
}
void Nemesis::RedisAway() {
  world_.index.up = false;
  world_.agenda.In(world_.Between(Millis(200), Seconds(6)), [this] { world_.index.up = true; });
}
void Nemesis::Flush() { world_.index.Flush(); }
void Nemesis::Copy() { world_.index.TakeCopy(); }
void Nemesis::FailOver() { world_.index.FailOver(); }
void Nemesis::ScoringAway() {
  world_.scoring.up = false;
  world_.agenda.In(world_.Between(Millis(200), Seconds(8)), [this] { world_.scoring.up = true; });
}
// A replica that runs follows the monotonic clock; one that boots disputes such a wall. Never the
// same way as Redis: when both lie alike, nobody can know.
void Nemesis::WallJumps() {
  const Duration far = world_.Between(Seconds(31), Seconds(60));
  Victim().SetWallError(world_.seed % 2 == 0 ? far : -far);
}
void Nemesis::RedisDrifts() {
  world_.index.clock_offset = world_.Between(-Millis(200), Millis(200));
}
// Believed after three readings: the suite's time itself moves, and true time is no measure.
void Nemesis::RedisJumps() {
  world_.checker.LooseClocks();
  world_.index.clock_offset = world_.Between(-Seconds(10), Seconds(10));
}
// Nobody else saw it: not believed.
void Nemesis::RedisJumpsFar() {
  const Duration far = world_.Between(Seconds(35), Minutes(10));
  world_.index.clock_offset = world_.seed % 2 == 0 ? -far : far;
}

}  // namespace invigil::session::sim
