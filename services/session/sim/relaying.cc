// A replica's relay: what relay/relay.cc does on its thread, by the same plan.
#include <utility>

#include "common/error/error.h"
#include "services/session/sim/life.h"

namespace invigil::session::sim {

void Replica::ScanOutbox() {
  world_.agenda.In(RelayOptions{}.scan_every, Mine([this] { ScanOutbox(); }));
  if (!life_->trust.trusted() || Roll(world_.plan.store_fails)) return;
  const std::vector<OutboxEntry> entries =
      world_.store.ListOutbox(std::nullopt, RelayOptions{}.look_at);
  if (!entries.empty()) Pass(AwaitPoint::kOutboxListed);
  for (const OutboxEntry& entry : entries) {
    const RelayPlan::Key key(entry.session, entry.attempt_version);
    if (life_->relay.Take(key, false, life_->clock.Monotonic())) Send(key);
  }
  life_->relay.PassOver();
}

void Replica::Send(RelayPlan::Key key) {
  Enqueue({.kind = Kind::kRead, .session = key.first}, [this, key](const Result& read) {
    if (!read.ok()) return Ended(key, read.status());
    if (!AwaitsScore(*read->state, key.second)) return Ended(key, absl::OkStatus());
    Pass(AwaitPoint::kReadToScore);
    Score(key, read->state);
  });
}

void Replica::Score(RelayPlan::Key key, std::shared_ptr<const State> state) {
  auto answer = std::make_shared<std::pair<absl::Status, Scoring::Score>>();
  auto arrived = std::make_shared<Agenda::Task>(Mine([this, key, answer] {
    if (!answer->first.ok()) return Ended(key, answer->first);
    Pass(AwaitPoint::kScoreArrived);
    Ask record{.kind = Kind::kRecord, .session = key.first};
    record.version = answer->second.version;
    record.report = answer->second.report;
    record.flag = true;
    record.attempt = key.second;
    Enqueue(std::move(record), [this, key](const Result& recorded) {
      Ended(key, recorded.status());
      Pass(AwaitPoint::kScoreRecorded);
    });
  }));
  // On its way scoring may get it although this replica dies.
  world_.agenda.In(world_.Delay(), [this, key, state = std::move(state), answer, arrived] {
    if (!world_.scoring.up || world_.Roll(world_.plan.scoring_fails)) {
      answer->first = Unavailable("SCORING_AWAY", "scoring does not answer");
    } else {
      answer->second = world_.scoring.Take(key.first, *state);
      if (world_.Roll(world_.plan.scoring_reply_lost)) {
        answer->first = absl::DeadlineExceededError("no answer from scoring");
      }
    }
    world_.agenda.In(world_.Delay(), [arrived] { (*arrived)(); });
  });
}

void Replica::Ended(RelayPlan::Key key, const absl::Status& status) {
  const auto verdict = life_->relay.Ended(key, status, life_->clock.Monotonic());
  if (!status.ok()) {
    world_.trace.Line(world_.agenda.now(), "r%d: %s not scored, again in %d ms", number_,
                      Short(key.first), verdict.wait.count() / 1000);
  }
}

}  // namespace invigil::session::sim
