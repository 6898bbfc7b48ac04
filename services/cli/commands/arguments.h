// What the commands share about the words typed.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/cli/commands/commands.h"

namespace invigil::cli {

// The one word a command wants behind its flags. Errors: USAGE naming what is missing.
absl::StatusOr<std::string> OneArgument(const Words& rest, const std::string& what);

}  // namespace invigil::cli
