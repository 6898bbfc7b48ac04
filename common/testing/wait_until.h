#pragma once

#include <functional>

#include "common/base/time.h"

namespace invigil::testing {

// Asks `condition` every few milliseconds until it holds: true; or until `limit` has passed: false.
// The only way tests here wait for another thread or process.
bool WaitUntil(const std::function<bool()>& condition, Duration limit = Seconds(10));

}  // namespace invigil::testing
