#include "services/cli/api/retry.h"

#include <algorithm>
#include <thread>

#include "common/error/error.h"

namespace invigil::cli {

bool IsRetryable(const absl::Status& status) {
  // RESOURCE_EXHAUSTED also means "too large", which waiting does not help: then nobody asks to
  // wait.
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         (absl::IsResourceExhausted(status) && ViewError(status).retry_after.has_value());
}

Duration RetryDelay(const absl::Status& status, int attempt, Random& random) {
  const ErrorView view = ViewError(status);
  const Duration base = view.retry_after.value_or(
      std::min<Duration>(Millis(100) * (1 << std::min(attempt - 1, 5)), Seconds(2)));
  return base +
         Duration(static_cast<int64_t>(0.5 * random.Uniform() * static_cast<double>(base.count())));
}

void SleepFor(Duration delay) { std::this_thread::sleep_for(delay); }

}  // namespace invigil::cli
