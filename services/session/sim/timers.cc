// A replica's timers: what sweeper.cc, reconciler.cc, rebuilder.cc and clock_sync.cc do on threads.
#include <algorithm>
#include <limits>
#include <utility>

#include "services/session/sim/life.h"

namespace invigil::session::sim {
namespace {

// Small, so that a few sessions make several pages and a replica can die between them.
constexpr size_t kPage = 2;

}  // namespace

void Replica::StartTimers() {
  AskTime();
  if (world_.bug == Bug::kNoTimers) return;
  world_.agenda.In(world_.Between(Duration(0), SweeperOptions{}.period), Mine([this] { Sweep(); }));
  world_.agenda.In(world_.Between(Duration(0), ReconcilerOptions{}.urgent_period),
                   Mine([this] { Look(); }));
}

void Replica::AskTime() {
  const Duration sent = life_->clock.Monotonic();
  Redis<Time>([](Index&, Time server_now) { return server_now; },
              [this, sent](const absl::StatusOr<Time>& time) {
                if (time.ok()) life_->trust.Take(*time, sent, life_->clock.Monotonic());
              });
  const ClockSyncOptions options;
  const Duration period = life_->trust.trusted() ? options.period : options.first_period;
  world_.agenda.In(period, Mine([this, period, options] {
                     if (life_->trust.GiveUpWaiting(period, options.patience)) {
                       world_.TrustedUnheard(life_->clock.Now() - world_.agenda.now());
                     }
                     AskTime();
                   }));
}

void Replica::Sweep() {
  world_.agenda.In(SweeperOptions{}.period, Mine([this] { Sweep(); }));
  life_->health.RoundOver();
  if (!life_->trust.trusted()) return life_->health.Idle();
  const SweeperOptions options;
  const Time now = life_->clock.Now();
  Redis<std::vector<Index::ClaimResult>>(
      [now, options](Index& index, Time server_now) {
        std::vector<Index::ClaimResult> results;
        for (int shard = 0; shard < Index::kShards; ++shard) {
          results.push_back(index.Claim(shard, now, static_cast<size_t>(options.max_per_claim),
                                        options.lease, server_now));
        }
        return results;
      },
      [this](absl::StatusOr<std::vector<Index::ClaimResult>> results) {
        Claimed(std::move(results));
      });
}

void Replica::Claimed(absl::StatusOr<std::vector<Index::ClaimResult>> results) {
  if (!results.ok()) {
    for (int shard = 0; shard < Index::kShards; ++shard) life_->health.Answer(false);
    return;
  }
  for (int shard = 0; shard < Index::kShards; ++shard) {
    const Index::ClaimResult& result = (*results)[static_cast<size_t>(shard)];
    life_->health.Answer(!result.rebuild && !result.loading);
    if (result.rebuild) RequestRebuild(shard);
    for (const Index::Claimed& claimed : result.due) {
      world_.trace.Line(world_.agenda.now(), "r%d claims %s", number_, Short(claimed.session));
      Pass(AwaitPoint::kClaimed);
      // Full: the lease ends and somebody claims it again.
      life_->expirer.Start({claimed.due, claimed.session}, [this, claimed](const absl::Status& s) {
        world_.agenda.In(Duration(0), Mine([this, claimed, s] { Settle(claimed, s); }));
      });
    }
  }
}

void Replica::Settle(const Index::Claimed& claimed, const absl::Status& status) {
  Pass(AwaitPoint::kExpireAnswered);
  const auto next = DueAgain(status, life_->clock.Now(), SweeperOptions{}.retry);
  Redis<bool>(
      [claimed, next](Index& index, Time) {
        index.Settle(claimed, next);
        return true;
      },
      [this](const absl::StatusOr<bool>&) { Pass(AwaitPoint::kSettled); });
}

void Replica::Look() {
  const ReconcilerOptions options;
  world_.agenda.In(options.urgent_period, Mine([this] { Look(); }));
  const bool healthy = life_->health.healthy();
  if (world_.bug == Bug::kScanSilent) return;
  if (!life_->pace.Look(healthy, life_->trust.trusted())) return;
  const Time now = life_->clock.Now();
  const Time until = healthy ? now - options.grace : now;
  std::optional<Scheduled> after;
  while (true) {
    if (Roll(world_.plan.store_fails)) return;
    const std::vector<Scheduled> overdue = world_.store.ListScheduled(after, until, kPage);
    if (!overdue.empty()) Pass(AwaitPoint::kScanListed);
    for (const Scheduled& due : overdue) {
      life_->expirer.Start({due.deadline, due.session}, [](const absl::Status&) {});
      after = due;
    }
    if (overdue.size() < kPage) return;
  }
}

void Replica::RequestRebuild(int shard) {
  life_->rebuild.insert(shard);
  if (std::exchange(life_->rebuilding, true)) return;
  world_.agenda.In(Millis(20), Mine([this] { Rebuild(); }));
}

void Replica::Rebuild() {
  auto load = std::make_shared<Load>();
  load->token = std::to_string(world_.random.Next());
  const std::set<int> shards = std::exchange(life_->rebuild, {});
  const Duration hold = RebuilderOptions{}.hold;
  Redis<std::set<int>>(
      [shards, token = load->token, hold](Index& index, Time server_now) {
        std::set<int> mine;
        for (const int shard : shards) {
          if (index.BeginLoad(shard, token, hold, server_now)) mine.insert(shard);
        }
        return mine;
      },
      [this, load](const absl::StatusOr<std::set<int>>& mine) {
        if (!mine.ok() || mine->empty()) {
          life_->rebuilding = false;
          return;
        }
        load->mine = *mine;
        Pass(AwaitPoint::kLoadBegun);
        LoadNext(load);
      });
}

void Replica::LoadNext(std::shared_ptr<Load> load) {
  std::optional<Scheduled> after;
  if (load->after) after = Scheduled{load->after->deadline, load->after->session};
  const Time end = Time(Duration(std::numeric_limits<int64_t>::max()));
  if (Roll(world_.plan.store_fails)) {
    life_->rebuilding = false;  // the hold lapses and the claims ask again
    return;
  }
  std::vector<Timer> page;
  for (const Scheduled& due : world_.store.ListScheduled(after, end, kPage)) {
    page.push_back({due.deadline, due.session});
  }
  // What was listed may have changed by the time it is written.
  world_.agenda.In(world_.Delay(), Mine([this, load, page = std::move(page)] {
                     Pass(AwaitPoint::kLoadBatch);
                     const bool last = page.size() < kPage;
                     if (!page.empty()) load->after = page.back();
                     Redis<bool>(
                         [page, mine = load->mine](Index& index, Time) {
                           for (const Timer& timer : page) {
                             if (mine.contains(Index::ShardOf(timer.session))) index.Load(timer);
                           }
                           return true;
                         },
                         [this, load, last](const absl::StatusOr<bool>& written) {
                           if (!written.ok()) {
                             life_->rebuilding = false;
                           } else if (last) {
                             FinishLoad(load);
                           } else {
                             LoadNext(load);
                           }
                         });
                   }));
}

void Replica::FinishLoad(std::shared_ptr<Load> load) {
  Redis<bool>(
      [load](Index& index, Time server_now) {
        for (const int shard : load->mine) index.FinishLoad(shard, load->token, server_now);
        return true;
      },
      [this](const absl::StatusOr<bool>&) {
        life_->rebuilding = false;
        world_.trace.Line(world_.agenda.now(), "r%d has rebuilt the index", number_);
        Pass(AwaitPoint::kLoadFinished);
      });
}

}  // namespace invigil::session::sim
