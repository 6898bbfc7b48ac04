#include "services/session/sim/world.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "services/session/sim/forms.h"
#include "services/session/sim/nemesis.h"
#include "services/session/sim/operator.h"

namespace invigil::session::sim {
namespace {

// Longer than any chain of retries once faults have ended: the relay's longest pause, a lease that
// a dead replica held, a generation whose loader died.
constexpr Duration kSettled = Seconds(30);
// A lease ends by the clock of the replica that took it, and that clock may have been a minute
// fast.
constexpr Duration kSettledLoosely = Seconds(100);
// People leave then; what they sent is on its way for some seconds more.
constexpr Time kBusyUntil = kBegin + Seconds(16);
// Until every replica is up, trusted and has swept once.
constexpr Duration kRecovery = Seconds(1);
constexpr Duration kQuietPromise = Millis(300);

}  // namespace

World::World(uint64_t seed, bool traced, Bug bug)
    : seed(seed),
      bug(bug),
      random(seed),
      plan(DrawPlan(random)),
      trace(traced),
      store(bug),
      checker(agenda, store, index, trace),
      scoring(bug, checker) {
  // A machine's error while Redis is silent, what is believed as drift, and half a slow round trip.
  checker.SetClockBound(plan.skew + Millis(500));
  if (plan.until > Duration(0)) {
    checker.SetHealed(kBegin + plan.until + kRecovery);
  } else {
    // Nothing goes wrong: the index alone ends sessions, a round after their deadline. Clocks are
    // tracked.
    checker.SetPromise(kQuietPromise);
    checker.SetClockBound(Millis(150));
  }
}
World::~World() = default;

Duration World::Delay() {
  if (Roll(plan.slow)) return Between(Millis(20), Millis(2500));
  return Between(Micros(200), Millis(15));
}
Duration World::StoreDelay() {
  if (Roll(plan.slow / 4)) return Between(Millis(20), Millis(1500));
  return Between(Micros(100), Millis(6));
}
Duration World::RestartDelay() {
  return FaultsOn() ? Between(Millis(50), Millis(2500)) : Millis(50);
}
size_t World::forms() const { return Forms().size(); }

std::string World::NextId() {
  // Random in front, so that order and shard of ids vary; the count behind names it in traces.
  std::string id = absl::StrFormat("%016x%012x%04x", random.Next(), 0, ++ids_);
  return id;
}

void World::TrustedUnheard(Duration wall_error) {
  if (wall_error > plan.skew || wall_error < -plan.skew) checker.LooseClocks();
}

Replica& World::Route(const Ask& ask) {
  // Mostly to one and the same replica, as the gateway does; that is speed, never correctness.
  uint64_t home = static_cast<uint8_t>(ask.session.bytes().back());
  if (ask.kind == Kind::kStart) home = ask.candidate.size() + ask.candidate.back();
  if (random.Below(6) == 0) home = random.Next();
  return *replicas[home % replicas.size()];
}

void World::Call(const Ask& ask, std::function<void(const Result&)> handler) {
  if (Roll(plan.lose)) return;
  const std::function<void(const Result&)> answer =
      [this, handler = std::move(handler)](const Result& result) {
        if (Roll(plan.lose)) return;
        const auto copy = std::make_shared<const Result>(result);
        agenda.In(Delay(), [handler, copy] { handler(*copy); });
        if (Roll(plan.duplicate)) agenda.In(Delay(), [handler, copy] { handler(*copy); });
      };
  if (random.Below(40) == 0 && MeetDeadline(ask, answer)) return;
  const int copies = Roll(plan.duplicate) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    agenda.In(Delay(), [this, ask, answer] { Route(ask).Receive(ask, answer); });
  }
}

bool World::MeetDeadline(const Ask& ask, const std::function<void(const Result&)>& answer) {
  const auto session = store.sessions().find(ask.session);
  if (session == store.sessions().end() || !session->second.due) return false;
  Replica& replica = Route(ask);
  // The microsecond before the deadline by that replica's clock, at it, or after it.
  const Time arrival = *session->second.due - replica.ClockError() +
                       Micros(static_cast<int64_t>(random.Below(3)) - 1);
  if (arrival < agenda.now() || arrival > kBusyUntil) return false;
  agenda.At(arrival, [&replica, ask, answer] { replica.Receive(ask, answer); });
  return true;
}

void World::WriteElsewhere(const Replica& writer) {
  if (writing_elsewhere_ > 1) return;
  ++writing_elsewhere_;
  const size_t first = random.Below(replicas.size());
  for (size_t i = 0; i < replicas.size(); ++i) {
    Replica& other = *replicas[(first + i) % replicas.size()];
    if (&other != &writer && other.WriteNow()) break;
  }
  --writing_elsewhere_;
}

void World::Heal() {
  trace.Line(agenda.now(), "all faults end");
  index.up = true;
  index.clock_offset = Duration(0);
  scoring.up = true;
  for (auto& replica : replicas) {
    replica->FreezeUntil(agenda.now());
    replica->SetWallError(WallError());
    replica->Boot();
  }
}

// Staff let nobody stand still for ever.
void World::ResumeAll() {
  for (const auto& [id, session] : checker.model().sessions()) {
    if (session.Name() == "PAUSED") {
      Call({.kind = Kind::kResume, .session = id}, [](const Result&) {});
    }
  }
}

bool World::RunUntil(Time end) {
  while (!checker.failed() && agenda.RunNext(end)) {
  }
  return !checker.failed();
}

void World::Play() {
  const size_t count = 1 + random.Below(3);
  for (size_t i = 0; i < count; ++i) {
    replicas.push_back(std::make_unique<Replica>(*this, static_cast<int>(i)));
    agenda.In(Millis(random.Below(50)), [&r = *replicas.back()] { r.Boot(); });
  }
  const size_t people = 1 + random.Below(4);
  for (size_t i = 0; i < people; ++i) {
    candidates.push_back(std::make_unique<Candidate>(*this, "c" + std::to_string(i)));
  }
  Operator staff(*this);
  Nemesis nemesis(*this);
  agenda.At(kBegin + plan.until, [this] { Heal(); });

  // While people are at work, then until every clock has run out: deadlines may still move.
  if (!RunUntil(kBusyUntil)) return;
  for (auto& candidate : candidates) candidate->Leave();
  staff.Leave();
  if (!RunUntil(kBusyUntil + Seconds(3))) return;  // what is under way arrives
  ResumeAll();
  if (!RunUntil(agenda.now() + Millis(500))) return;
  while (!checker.AllSealed()) {
    const Time end =
        std::max(checker.LastDeadline(), agenda.now()) + Seconds(2) + plan.skew + Millis(500);
    if (!RunUntil(end)) return;
    if (checker.LastDeadline() <= end - Seconds(2)) break;
  }
  checker.CheckSealed();
  const Time settled = agenda.now() + (checker.loose_clocks() ? kSettledLoosely : kSettled);
  while (!checker.AllDelivered() && agenda.now() < settled) {
    if (!RunUntil(agenda.now() + Millis(200))) return;
  }
  checker.CheckDelivered();
  checker.CheckHistory();
}

}  // namespace invigil::session::sim
