// Remembers keys for a short while: a form shared by a room full of candidates is fetched once, and
// a retried call does not ask again.
#pragma once

#include <deque>
#include <mutex>
#include <unordered_map>

#include "common/base/clock.h"
#include "services/scoring/rpc/key_source.h"

namespace invigil::scoring {

// Errors are not remembered. Thread-safe.
class CachedKeys final : public KeySource {
 public:
  // A corrected key is seen after `lifetime` at the latest. `source` and `clock` outlive this.
  CachedKeys(KeySource& source, const Clock& clock, Duration lifetime = Seconds(30),
             size_t capacity = 1000);
  void Fetch(const std::string& form_id, Duration time_left, const telemetry::TraceContext& trace,
             Done done) override;

 private:
  struct Entry {
    std::shared_ptr<const ScoringKey> key;
    Duration expires;  // on the monotonic clock
  };
  std::shared_ptr<const ScoringKey> Find(const std::string& form_id);
  void Keep(const std::string& form_id, std::shared_ptr<const ScoringKey> key);

  KeySource& source_;
  const Clock& clock_;
  const Duration lifetime_;
  const size_t capacity_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;  // under mutex_
  std::deque<std::string> order_;                   // under mutex_; oldest first
};

}  // namespace invigil::scoring
