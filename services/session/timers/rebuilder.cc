#include "services/session/timers/rebuilder.h"

#include <sys/prctl.h>

#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "services/session/timers/metrics.h"

namespace invigil::session {
namespace {

// Answers of commands sent together. The client answers each exactly once, by its deadline.
class Answers {
 public:
  explicit Answers(size_t expected) : left_(expected) {}
  // Both under the lock to the end: the waiter may destroy this as soon as it sees zero.
  void Arrived(bool good, int shard) {
    const std::lock_guard lock(mutex_);
    if (good) good_.insert(shard);
    if (--left_ == 0) all_.notify_one();
  }
  // The shards with a good answer.
  std::set<int> Wait() {
    std::unique_lock lock(mutex_);
    all_.wait(lock, [this] { return left_ == 0; });
    return std::move(good_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_;
  size_t left_;
  std::set<int> good_;
};

// Asks for every shard at once; those answered with true.
template <typename Ask>
std::set<int> AskAll(const std::set<int>& shards, Ask ask) {
  Answers answers(shards.size());
  for (const int shard : shards) {
    ask(shard, [&answers, shard](const absl::StatusOr<bool>& held) {
      answers.Arrived(held.ok() && *held, shard);
    });
  }
  return shards.empty() ? std::set<int>() : answers.Wait();
}

}  // namespace

struct Rebuilder::Shared {
  std::mutex mutex;
  std::condition_variable wake;
  std::set<int> requested;
  bool stop = false;
};

Rebuilder::Rebuilder(DeadlineIndex& index, ListHook list, RebuilderOptions options)
    : index_(index),
      list_(std::move(list)),
      options_(options),
      shared_(std::make_shared<Shared>()),
      thread_([this] { Run(); }) {}

Rebuilder::~Rebuilder() { Stop(); }

void Rebuilder::Request(int shard) {
  const std::lock_guard lock(shared_->mutex);
  shared_->requested.insert(shard);
  shared_->wake.notify_one();
}

void Rebuilder::Stop() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
    shared_->wake.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

bool Rebuilder::Stopping() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->stop;
}

void Rebuilder::Run() {
  prctl(PR_SET_NAME, "timer-rebuild");
  while (true) {
    std::set<int> requested;
    {
      std::unique_lock lock(shared_->mutex);
      shared_->wake.wait(lock, [&] { return shared_->stop || !shared_->requested.empty(); });
      if (shared_->stop) return;
      // The other shards of the same loss are a moment behind: one scan serves them all.
      shared_->wake.wait_for(lock, Millis(20), [&] { return shared_->stop; });
      requested = std::exchange(shared_->requested, {});
    }
    Rebuild(requested);
  }
}

void Rebuilder::Rebuild(const std::set<int>& requested) {
  const DeadlineIndex::Hold hold = index_.NewHold();
  std::set<int> mine = AskAll(requested, [&](int shard, auto done) {
    index_.BeginLoad(shard, hold, options_.hold, std::move(done));
  });
  if (mine.empty()) return;  // another replica does it, or Redis is gone again

  const SystemClock pace;
  const Duration started = pace.Monotonic();
  Duration renewed = started;
  size_t loaded = 0;
  std::optional<Timer> after;
  bool failed = false;
  while (!failed && !mine.empty()) {
    if (Stopping()) return;  // the hold lapses
    const absl::StatusOr<std::vector<Timer>> batch =
        list_(after, Time(Duration(std::numeric_limits<int64_t>::max())), options_.batch);
    if (!batch.ok()) {
      TimerMetrics::Get().list_failures.Add();
      failed = true;
      break;
    }
    failed = !LoadBatch(*batch, mine);
    loaded += batch->size();
    if (batch->size() < options_.batch) break;
    after = batch->back();
    if (pace.Monotonic() - renewed > options_.hold / 3) {
      renewed = pace.Monotonic();
      mine = AskAll(mine, [&](int shard, auto done) {
        index_.RenewLoad(shard, hold, options_.hold, std::move(done));
      });
    }
  }
  // Only a whole load makes a generation; otherwise the hold lapses and the claims ask again.
  const std::set<int> finished = failed ? std::set<int>() : AskAll(mine, [&](int shard, auto done) {
    index_.FinishLoad(shard, hold, std::move(done));
  });
  TimerMetrics::Get().rebuilds.Add(double(finished.size()));
  if (finished.empty()) TimerMetrics::Get().rebuilds_failed.Add();
  log::Write(finished.empty() ? log::Level::kWarning : log::Level::kInfo,
             finished.empty() ? "deadline index not rebuilt, will be tried again"
                              : "deadline index rebuilt",
             {{"shards", static_cast<int64_t>(finished.size())},
              {"sessions", static_cast<int64_t>(loaded)},
              {"seconds", (pace.Monotonic() - started).count() / 1e6}});
}

bool Rebuilder::LoadBatch(const std::vector<Timer>& batch, const std::set<int>& mine) {
  std::map<int, std::vector<Timer>> by_shard;
  for (const Timer& timer : batch) {
    const int shard = index_.ShardOf(timer.session);
    if (mine.contains(shard)) by_shard[shard].push_back(timer);
  }
  std::set<int> shards;
  for (const auto& [shard, timers] : by_shard) shards.insert(shard);
  // Waiting for the answers of one batch before reading the next bounds memory here and in Redis.
  const std::set<int> written = AskAll(shards, [&](int shard, auto done) {
    index_.Load(shard, by_shard[shard], [done](const absl::Status& status) { done(status.ok()); });
  });
  return written.size() == shards.size();
}

}  // namespace invigil::session
