// The screen's thread: keys and news into the machine, its wishes to the courier, its state to the
// terminal.
#pragma once

#include "common/base/clock.h"
#include "services/cli/take/courier.h"
#include "services/cli/take/machine.h"
#include "services/cli/take/news_queue.h"
#include "services/cli/take/terminal.h"

namespace invigil::cli::take {

// Returns when the person leaves or the terminal ends; true when the person asked for it.
bool RunLoop(Terminal& terminal, State& state, Courier& courier, NewsQueue& news,
             const Clock& clock);

}  // namespace invigil::cli::take
