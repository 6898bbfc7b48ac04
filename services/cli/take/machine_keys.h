// What keys do in several views. Private to this room.
#pragma once

#include "services/cli/take/machine.h"

namespace invigil::cli::take {

char Lower(char c);
void Show(State& state, View view);
// Shows a question whose No leads back here.
void Ask(State& state, View question);
void Scroll(State& state, const Key& key);

}  // namespace invigil::cli::take
