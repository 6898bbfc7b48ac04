#include "services/session/sim/operator.h"

#include <utility>

#include "services/session/sim/world.h"

namespace invigil::session::sim {
namespace {

// What staff may ask, and how often. `amount`: microseconds, drawn below.
struct Duty {
  uint64_t weight;
  Kind kind;
  int64_t least, most;
  bool flag;
};
constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr Duty kDuties[] = {
    {20, Kind::kGrant, kSecond / 5, 3 * kSecond, false},
    {6, Kind::kGrant, -2 * kSecond, -kSecond / 10, false},
    {1, Kind::kGrant, 0, 0, false},
    {1, Kind::kGrant, 2 * kDay, 3 * kDay, false},
    {1, Kind::kGrant, -3 * kDay, -2 * kDay, false},
    {1, Kind::kVoid, 0, 0, false},
    {1, Kind::kVoid, 0, 0, true},
    {3, Kind::kRelease, 0, 0, false},
    {2, Kind::kHold, 0, 0, false},
    {1, Kind::kTakeOver, 0, 0, false},
    {2, Kind::kExpire, 0, 0, false},
    {4, Kind::kRead, 0, 0, false},
    {7, Kind::kPause, 0, 0, false},
    {9, Kind::kResume, 0, 0, false},
    {2, Kind::kTerminate, 0, 0, false},
    {6, Kind::kReopen, 0, 2 * kSecond, false},
    {1, Kind::kReopen, -kSecond, -1, false},
    {4, Kind::kRecover, 0, 0, false},
    {6, Kind::kCheckIn, 0, 0, false},
    {2, Kind::kMessage, 0, 0, false},
    {2, Kind::kConfirm, 0, 0, false},
    {1, Kind::kIrregularity, 0, 0, false},
};

const Duty& Pick(Random& random) {
  uint64_t total = 0;
  for (const Duty& duty : kDuties) total += duty.weight;
  uint64_t dice = random.Below(total);
  for (const Duty& duty : kDuties) {
    if (dice < duty.weight) return duty;
    dice -= duty.weight;
  }
  return kDuties[0];
}

}  // namespace

Operator::Operator(World& world) : world_(world) {
  world_.agenda.In(world_.Between(Millis(500), Seconds(3)), [this] { Act(); });
}

void Operator::Act() {
  if (over_) return;
  world_.agenda.In(world_.Between(Millis(100), Millis(1200)), [this] { Act(); });
  Random& random = world_.random;
  if (!done_.empty() && random.Below(5) == 0) {
    Ask again = done_[random.Below(done_.size())];
    if (random.Below(6) == 0) again.amount += kSecond / 2;  // the same id, another amount
    return Send(again, 4);
  }
  const auto& sessions = world_.store.sessions();
  if (sessions.empty()) return;
  auto it = sessions.begin();
  std::advance(it, static_cast<long>(random.Below(sessions.size())));
  const Duty& duty = Pick(random);
  Ask ask{.kind = duty.kind, .session = it->first, .flag = duty.flag};
  if (duty.kind == Kind::kPause || duty.kind == Kind::kResume || duty.kind == Kind::kTerminate) {
    ask.version = static_cast<uint32_t>(random.Below(5));  // 0: not said; else perhaps an old view
  }
  if (duty.kind == Kind::kRecover) {
    ask.id = "r" + std::to_string(random.Below(3));
    const int item = static_cast<int>(random.Below(4));
    ask.writes.push_back({item, 1, random.Below(8) == 0 ? 0 : 1u << random.Below(4), false});
    ask.writes[0].cleared = ask.writes[0].options == 0;
  }
  if (duty.kind == Kind::kMessage || duty.kind == Kind::kConfirm) {
    ask.id = "m" + std::to_string(random.Below(6));
  }
  if (duty.kind == Kind::kIrregularity) ask.id = "i" + std::to_string(random.Below(2));
  if (duty.kind == Kind::kGrant || duty.kind == Kind::kReopen) {
    ask.id = "g" + std::to_string(++count_);
    ask.amount = duty.least + static_cast<int64_t>(
                                  random.Below(static_cast<uint64_t>(duty.most - duty.least) + 1));
    done_.push_back(ask);
  }
  Send(ask, 4);
}

void Operator::Send(const Ask& ask, int tries) {
  if (tries == 0) return;
  auto answered = std::make_shared<bool>(false);
  world_.Call(ask, [answered](const Result& result) {
    if (!absl::IsUnavailable(result.status())) *answered = true;
  });
  world_.agenda.In(Millis(600), [this, answered, ask, tries] {
    if (!*answered) Send(ask, tries - 1);
  });
}

}  // namespace invigil::session::sim
