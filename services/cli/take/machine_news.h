// Steps of the machine that both keys and news take. Private to this room.
#pragma once

#include "services/cli/take/machine.h"

namespace invigil::cli::take {

// The newest write of an item.
session::v1::ResponseWrite WriteOf(const State& state, size_t index);
// Asks to store what is selected.
void Give(State& state, size_t index, Outbox& out);
// Asks to seal what the screen shows.
void Submit(State& state, Outbox& out);
// What the candidate has answered or cleared.
std::vector<session::v1::ItemSequence> SeenItems(const State& state);
// The view shows `message` and nothing else, for good.
void End(State& state, std::string message);

}  // namespace invigil::cli::take
