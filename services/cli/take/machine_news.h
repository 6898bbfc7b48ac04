// Steps of the machine that both keys and news take. Private to this room.
#pragma once

#include "services/cli/take/machine.h"

namespace invigil::cli::take {

// The newest write of an item.
session::v1::ResponseWrite WriteOf(const State& state, size_t index);
// Asks to seal what the screen shows.
void Submit(State& state, Outbox& out);

}  // namespace invigil::cli::take
