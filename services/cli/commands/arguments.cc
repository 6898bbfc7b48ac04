#include "services/cli/commands/arguments.h"

#include "services/cli/core/failure.h"

namespace invigil::cli {

absl::StatusOr<std::string> OneArgument(const Words& rest, const std::string& what) {
  if (rest.empty() || rest[0].empty()) return UsageError("name " + what);
  if (rest.size() > 1)
    return UsageError("name one " + what + ", not " + std::to_string(rest.size()));
  return rest[0];
}

}  // namespace invigil::cli
