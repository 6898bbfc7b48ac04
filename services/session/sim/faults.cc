#include "services/session/sim/faults.h"

namespace invigil::session::sim {

FaultPlan DrawPlan(Random& random) {
  const auto chance = [&](uint64_t one_in) { return random.Below(one_in) == 0; };
  const auto between = [&](double low, double high) {
    return low + (high - low) * random.Uniform();
  };
  FaultPlan plan;
  plan.store = static_cast<StoreKind>(random.Below(3));
  plan.skew = Millis(random.Below(80));
  // One history in sixteen has no faults at all: then nothing excuses anything.
  if (chance(16)) return plan;
  plan.until = Millis(random.Below(14'000));
  if (chance(2)) plan.crash = between(0.0005, 0.004);
  plan.focus = static_cast<AwaitPoint>(random.Below(kAwaitPoints));
  // Points that few histories pass often must be deadly when they do.
  const bool rare = plan.focus >= AwaitPoint::kSessionReserved;
  if (chance(2)) plan.focus_crash = rare ? between(0.2, 0.9) : between(0.02, 0.3);
  if (chance(2)) plan.lose = between(0.01, 0.25);
  if (chance(2)) plan.duplicate = between(0.01, 0.2);
  if (chance(2)) plan.slow = between(0.01, 0.3);
  if (chance(3)) plan.commit_fails = between(0.01, 0.15);
  if (chance(3)) plan.commit_reply_lost = between(0.01, 0.1);
  if (chance(5)) plan.store_fails = between(0.01, 0.1);
  if (chance(2)) plan.other_writer_first = between(0.02, 0.3);
  if (chance(3)) plan.redis_fails = between(0.01, 0.4);
  if (chance(3)) plan.redis_reply_lost = between(0.01, 0.2);
  if (chance(4)) plan.bank_fails = between(0.05, 0.5);
  if (chance(3)) plan.scoring_fails = between(0.05, 0.6);
  if (chance(3)) plan.scoring_reply_lost = between(0.05, 0.4);
  if (chance(2)) plan.nemesis_every = Millis(200 + random.Below(3000));
  if (chance(4)) plan.skew = Millis(random.Below(3000));
  return plan;
}

}  // namespace invigil::session::sim
