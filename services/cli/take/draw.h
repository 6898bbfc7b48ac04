// The state as a screen.
#pragma once

#include "common/base/time.h"
#include "services/cli/take/machine.h"
#include "services/cli/take/screen.h"

namespace invigil::cli::take {

// Also keeps `state.scroll` within what there is to see and sets `state.page`.
Screen Draw(State& state, Size size, Duration now);

}  // namespace invigil::cli::take
