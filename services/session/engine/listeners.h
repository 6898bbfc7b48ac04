// Who wants to know of changes to which session. Thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

template <typename Change>
class Listeners {
 public:
  using Listener = std::function<void(const Change&)>;

  // The key that Remove takes.
  uint64_t Add(const SessionId& session, Listener listener) {
    const std::lock_guard lock(mutex_);
    const uint64_t key = ++last_key_;
    listeners_[session].emplace_back(key, std::make_shared<const Listener>(std::move(listener)));
    size_.store(listeners_.size(), std::memory_order_relaxed);
    return key;
  }

  void Remove(const SessionId& session, uint64_t key) {
    std::shared_ptr<const Listener> removed;  // destroyed after the lock is let go
    const std::lock_guard lock(mutex_);
    const auto it = listeners_.find(session);
    if (it == listeners_.end()) return;
    std::vector<Entry>& entries = it->second;
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [&](const Entry& e) { return e.first == key; });
    if (entry == entries.end()) return;
    removed = std::move(entry->second);
    entries.erase(entry);
    if (entries.empty()) listeners_.erase(it);
    size_.store(listeners_.size(), std::memory_order_relaxed);
  }

  bool Has(const SessionId& session) const {
    if (size_.load(std::memory_order_relaxed) == 0) return false;
    const std::lock_guard lock(mutex_);
    return listeners_.contains(session);
  }

  // Calls whoever listens to `session`, without holding the lock.
  void Notify(const SessionId& session, const Change& change) const {
    if (size_.load(std::memory_order_relaxed) == 0) return;
    std::vector<std::shared_ptr<const Listener>> called;
    {
      const std::lock_guard lock(mutex_);
      const auto it = listeners_.find(session);
      if (it == listeners_.end()) return;
      for (const auto& [key, listener] : it->second) called.push_back(listener);
    }
    for (const auto& listener : called) (*listener)(change);
  }

 private:
  using Entry = std::pair<uint64_t, std::shared_ptr<const Listener>>;
  mutable std::mutex mutex_;
  absl::flat_hash_map<SessionId, std::vector<Entry>> listeners_;
  uint64_t last_key_ = 0;
  std::atomic<size_t> size_{0};  // lets a commit nobody watches skip the lock
};

}  // namespace invigil::session
