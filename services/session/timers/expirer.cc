#include "services/session/timers/expirer.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/log/log.h"
#include "services/session/timers/metrics.h"

namespace invigil::session {
namespace {

// Deadlines of failed sessions remembered, so that their lateness is counted from the deadline and
// not from the retry. Only a figure depends on it.
constexpr size_t kMaxRemembered = 100'000;

}  // namespace

struct Expirer::State {
  State(const Clock& c, ExpireHook h, int max) : clock(c), hook(std::move(h)), max_in_flight(max) {}

  struct Entry {
    Time deadline{};
    std::vector<ExpireDone> waiting;
  };

  void Answer(const SessionId& session, const absl::Status& status);

  const Clock& clock;
  const ExpireHook hook;
  const int max_in_flight;
  std::mutex mutex;
  std::condition_variable changed;
  absl::flat_hash_map<SessionId, Entry> in_flight;
  absl::flat_hash_map<SessionId, Time> failed;
  int answering = 0;  // threads that run `waiting` callbacks
  bool closed = false;
};

Expirer::Expirer(const Clock& clock, ExpireHook hook, int max_in_flight)
    : state_(std::make_shared<State>(clock, std::move(hook), max_in_flight)) {}

Expirer::~Expirer() { Close(); }

bool Expirer::Start(const Timer& timer, ExpireDone done) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed) return false;
    if (const auto it = state_->in_flight.find(timer.session); it != state_->in_flight.end()) {
      it->second.waiting.push_back(std::move(done));
      return true;
    }
    if (static_cast<int>(state_->in_flight.size()) >= state_->max_in_flight) return false;
    State::Entry entry;
    entry.deadline = timer.deadline;
    if (const auto it = state_->failed.find(timer.session); it != state_->failed.end()) {
      entry.deadline = std::min(entry.deadline, it->second);
    }
    entry.waiting.push_back(std::move(done));
    state_->in_flight.emplace(timer.session, std::move(entry));
  }
  state_->hook(timer.session, [state = state_, session = timer.session](const absl::Status& s) {
    state->Answer(session, s);
  });
  return true;
}

void Expirer::State::Answer(const SessionId& session, const absl::Status& status) {
  Entry entry;
  {
    const std::lock_guard lock(mutex);
    const auto it = in_flight.find(session);
    if (it == in_flight.end()) return;  // closed, or answered twice
    entry = std::move(it->second);
    in_flight.erase(it);
    const bool failure = !status.ok() && !NotDueUntil(status).has_value();
    if (!failure) {
      failed.erase(session);
    } else if (failed.size() < kMaxRemembered) {
      failed[session] = entry.deadline;
    }
    ++answering;
  }
  TimerMetrics& metrics = TimerMetrics::Get();
  if (status.ok()) {
    metrics.expired.Add();
    metrics.lateness_seconds.Observe((clock.Now() - entry.deadline).count() / 1e6);
  } else if (NotDueUntil(status).has_value()) {
    metrics.not_due.Add();
  } else {
    metrics.expire_failures.Add();
    log::Warning("session not ended, will be tried again",
                 {{"session", session.ToHex()}, {"error", std::string(status.message())}});
  }
  for (ExpireDone& done : entry.waiting) done(status);
  const std::lock_guard lock(mutex);
  --answering;
  changed.notify_all();
}

int Expirer::Free() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->closed) return 0;
  return state_->max_in_flight - static_cast<int>(state_->in_flight.size());
}

void Expirer::WaitForRoom(Duration limit) const {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, limit, [&] {
    return state_->closed || static_cast<int>(state_->in_flight.size()) < state_->max_in_flight;
  });
}

void Expirer::Close(Duration limit) {
  std::unique_lock lock(state_->mutex);
  const bool first = !std::exchange(state_->closed, true);
  state_->changed.notify_all();
  if (first) state_->changed.wait_for(lock, limit, [&] { return state_->in_flight.empty(); });
  state_->in_flight.clear();
  state_->changed.wait(lock, [&] { return state_->answering == 0; });
}

}  // namespace invigil::session
