#include "common/testing/wait_until.h"

#include <thread>

#include "common/base/clock.h"

namespace invigil::testing {

bool WaitUntil(const std::function<bool()>& condition, Duration limit) {
  const SystemClock clock;
  const Duration end = clock.Monotonic() + limit;
  while (!condition()) {
    if (clock.Monotonic() > end) return false;
    std::this_thread::sleep_for(Millis(2));
  }
  return true;
}

}  // namespace invigil::testing
