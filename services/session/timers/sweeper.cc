#include "services/session/timers/sweeper.h"

#include <sys/prctl.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "services/session/timers/decisions.h"
#include "services/session/timers/metrics.h"

namespace invigil::session {

struct Sweeper::Shared {
  explicit Shared(int shards) : shard(static_cast<size_t>(shards)) {}

  struct Shard {
    bool claiming = false;  // a claim is under way
    bool wanted = false;    // to be claimed as soon as there is room
  };

  // Requires the lock.
  void RoundOver() {
    if (health.answers() > 0) {
      TimerMetrics::Get().claim_empty_ratio.Set(double(round_empty) / double(health.answers()));
    }
    round_empty = 0;
    health.RoundOver();
  }

  std::function<void(int)> on_rebuild;
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Shard> shard;
  std::deque<DeadlineIndex::Claimed> ready;  // claimed, not yet given to the expirer
  int claims_under_way = 0;
  int asked_for = 0;  // ids the claims under way may bring
  bool news = false;  // something for the thread to do before its next round
  bool needs_room = false;
  bool stop = false;
  int round_empty = 0;  // claims of this round that brought nothing
  SweepHealth health;
};

Sweeper::Sweeper(const Clock& clock, DeadlineIndex& index, Expirer& expirer,
                 std::function<bool()> may_sweep, std::function<void(int shard)> on_rebuild,
                 SweeperOptions options)
    : clock_(clock),
      index_(index),
      expirer_(expirer),
      may_sweep_(std::move(may_sweep)),
      options_(options),
      shared_(std::make_shared<Shared>(index.shards())) {
  shared_->on_rebuild = std::move(on_rebuild);
}

Sweeper::~Sweeper() { Stop(); }

void Sweeper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Sweeper::Stop() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
    shared_->wake.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  std::unique_lock lock(shared_->mutex);
  shared_->wake.wait(lock, [&] { return shared_->claims_under_way == 0; });
}

bool Sweeper::Healthy() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->health.healthy();
}

void Sweeper::Run() {
  prctl(PR_SET_NAME, "timer-sweep");
  Duration next_round = pace_.Monotonic();
  while (true) {
    {
      std::unique_lock lock(shared_->mutex);
      const Duration wait = std::max(Duration(0), next_round - pace_.Monotonic());
      shared_->wake.wait_for(lock, wait, [&] { return shared_->stop || shared_->news; });
      if (shared_->stop) return;
      shared_->news = false;
      if (pace_.Monotonic() >= next_round) {
        next_round = pace_.Monotonic() + options_.period;
        shared_->RoundOver();
        const bool may = may_sweep_();
        for (Shared::Shard& shard : shared_->shard) shard.wanted = may;
        if (!may) shared_->health.Idle();
      }
    }
    StartReady();
    ClaimShards();
  }
}

// Gives what was claimed to the expirer, as far as it takes it.
void Sweeper::StartReady() {
  while (true) {
    DeadlineIndex::Claimed claimed;
    {
      const std::lock_guard lock(shared_->mutex);
      if (shared_->ready.empty()) return;
      claimed = shared_->ready.front();
      shared_->ready.pop_front();
    }
    const bool started =
        expirer_.Start({claimed.due, claimed.session},
                       [shared = shared_, index = &index_, clock = &clock_, retry = options_.retry,
                        claimed](const absl::Status& status) {
                         index->Settle(claimed, DueAgain(status, clock->Now(), retry));
                         const std::lock_guard lock(shared->mutex);
                         if (shared->needs_room) {
                           shared->needs_room = false;
                           shared->news = true;
                           shared->wake.notify_one();
                         }
                       });
    if (!started) {
      const std::lock_guard lock(shared_->mutex);
      shared_->ready.push_front(claimed);
      // Asked under the lock that answers take before they look at needs_room: none is missed.
      if (expirer_.Free() > 0) continue;
      shared_->needs_room = true;
      return;
    }
  }
}

// Claims the shards that are wanted, as many ids as the expirer has room for.
void Sweeper::ClaimShards() {
  std::vector<int> shards;
  int limit = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    for (size_t i = 0; i < shared_->shard.size(); ++i) {
      if (shared_->shard[i].wanted && !shared_->shard[i].claiming) {
        shards.push_back(static_cast<int>(i));
      }
    }
    const int room = expirer_.Free() - static_cast<int>(shared_->ready.size()) - shared_->asked_for;
    if (shards.empty()) return;
    if (room <= 0) {
      shared_->needs_room = true;
      return;
    }
    if (room < static_cast<int>(shards.size())) shards.resize(static_cast<size_t>(room));
    limit = std::clamp(room / static_cast<int>(shards.size()), 1, options_.max_per_claim);
    for (const int i : shards) {
      shared_->shard[static_cast<size_t>(i)] = {.claiming = true, .wanted = false};
    }
    shared_->claims_under_way += static_cast<int>(shards.size());
    shared_->asked_for += limit * static_cast<int>(shards.size());
  }
  const Time now = clock_.Now();
  for (const int i : shards) {
    index_.Claim(i, now, limit, options_.lease,
                 [shared = shared_, i, limit](absl::StatusOr<DeadlineIndex::ClaimResult> result) {
                   TimerMetrics& metrics = TimerMetrics::Get();
                   if (result.ok() && (result->rebuild || result->stale)) shared->on_rebuild(i);
                   const std::lock_guard lock(shared->mutex);
                   Shared::Shard& shard = shared->shard[static_cast<size_t>(i)];
                   shard.claiming = false;
                   --shared->claims_under_way;
                   shared->asked_for -= limit;
                   shared->health.Answer(result.ok() && !result->rebuild && !result->stale &&
                                         !result->loading);
                   if (!result.ok()) {
                     metrics.claims_failed.Add();
                   } else {
                     metrics.claims.Add();
                     if (result->due.empty()) {
                       metrics.claims_empty.Add();
                       ++shared->round_empty;
                     } else {
                       if (static_cast<int>(result->due.size()) == limit) shard.wanted = true;
                       shared->ready.insert(shared->ready.end(), result->due.begin(),
                                            result->due.end());
                       shared->news = true;
                     }
                   }
                   if (shared->claims_under_way == 0) shared->news = true;
                   if (shared->news) shared->wake.notify_all();
                 });
  }
}

}  // namespace invigil::session
