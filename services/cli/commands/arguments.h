// What the commands share about the words typed.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/config/flags.h"
#include "services/cli/commands/commands.h"

namespace invigil::cli {

// Reads the flags and the words among them that are none, which may stand before, between or behind
// them.
Words ParseWithWords(config::Flags& flags, const Words& words);

// Reads the flags and the one word a command wants among them, which may stand before, between or
// behind them. `what` names it, such as "session". Errors: USAGE when there is none or another.
absl::StatusOr<std::string> ParseWithArgument(config::Flags& flags, const Words& words,
                                              const std::string& what);

}  // namespace invigil::cli
