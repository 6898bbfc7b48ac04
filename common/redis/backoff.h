#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/random.h"
#include "common/base/time.h"

namespace invigil::redis {

// The delay after the `failures`-th failure in a row (from 0): doubled from `least` to `most`, with
// jitter between half and all of it, because replicas must not return in step.
inline Duration BackoffDelay(Random& random, int failures, Duration least, Duration most) {
  const int shift = std::min(failures, 10);
  const Duration whole = std::min(least * (int64_t{1} << shift), most);
  const int64_t half = whole.count() / 2;
  return Duration(half + static_cast<int64_t>(random.Below(static_cast<uint64_t>(half) + 1)));
}

}  // namespace invigil::redis
