#include "services/scoring/rpc/cached_keys.h"

#include <utility>

namespace invigil::scoring {

CachedKeys::CachedKeys(KeySource& source, const Clock& clock, Duration lifetime, size_t capacity)
    : source_(source), clock_(clock), lifetime_(lifetime), capacity_(capacity) {}

void CachedKeys::Fetch(const std::string& form_id, Duration time_left,
                       const telemetry::TraceContext& trace, Done done) {
  if (auto key = Find(form_id)) {
    done(std::move(key));
    return;
  }
  source_.Fetch(form_id, time_left, trace, [this, form_id, done = std::move(done)](auto key) {
    if (key.ok()) Keep(form_id, *key);
    done(std::move(key));
  });
}

std::shared_ptr<const ScoringKey> CachedKeys::Find(const std::string& form_id) {
  std::lock_guard lock(mutex_);
  const auto entry = entries_.find(form_id);
  if (entry == entries_.end() || entry->second.expires <= clock_.Monotonic()) return nullptr;
  return entry->second.key;
}

void CachedKeys::Keep(const std::string& form_id, std::shared_ptr<const ScoringKey> key) {
  std::lock_guard lock(mutex_);
  const Duration expires = clock_.Monotonic() + lifetime_;
  const bool added = entries_.insert_or_assign(form_id, Entry{std::move(key), expires}).second;
  if (added) order_.push_back(form_id);
  if (order_.size() > capacity_) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace invigil::scoring
