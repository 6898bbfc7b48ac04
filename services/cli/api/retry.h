// Which failures pass by themselves, and how long to wait for that.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/base/random.h"

namespace invigil::cli {

// Whether the same request may succeed later. True for what is away, late or overloaded; every
// method the commands call this way is idempotent, so a reply that was lost does no harm.
bool IsRetryable(const absl::Status& status);

// How long to wait before attempt `attempt` (1 is the first repetition): what the server asks for,
// else 100 ms doubling up to 2 s; in both cases up to half as much again by chance, so that many
// clients don't come back together.
Duration RetryDelay(const absl::Status& status, int attempt, Random& random);

// Repeats a call until it succeeds, fails for good, or `limit` would be passed.
class Retrier {
 public:
  using Sleep = std::function<void(Duration)>;
  // Told of every failure that will be retried.
  using OnRetry = std::function<void(const absl::Status&)>;
  // `clock` outlives this.
  Retrier(const Clock& clock, Sleep sleep, uint64_t seed, Duration limit, OnRetry on_retry = {})
      : clock_(clock),
        sleep_(std::move(sleep)),
        random_(seed),
        limit_(limit),
        on_retry_(std::move(on_retry)) {}

  // `call` returns absl::StatusOr<T>.
  template <typename Call>
  auto Run(Call&& call) -> decltype(call()) {
    const Duration begin = clock_.Monotonic();
    for (int attempt = 1;; ++attempt) {
      auto result = call();
      if (result.ok() || !IsRetryable(result.status())) return result;
      const Duration delay = RetryDelay(result.status(), attempt, random_);
      if (clock_.Monotonic() + delay - begin > limit_) return result;
      if (on_retry_) on_retry_(result.status());
      sleep_(delay);
    }
  }

 private:
  const Clock& clock_;
  Sleep sleep_;
  Random random_;
  Duration limit_;
  OnRetry on_retry_;
};

// Sleeps this thread.
void SleepFor(Duration delay);

}  // namespace invigil::cli
