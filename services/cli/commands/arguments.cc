#include "services/cli/commands/arguments.h"

#include "services/cli/core/failure.h"
#include "services/cli/core/text.h"

namespace invigil::cli {

Words ParseWithWords(config::Flags& flags, const Words& words) {
  Words arguments, rest = words;
  // Flags end at the first word that is none; what follows it is read as flags again.
  do {
    while (!rest.empty() && !rest[0].starts_with("-")) {
      arguments.push_back(rest[0]);
      rest.erase(rest.begin());
    }
    rest = flags.ParseOrExit(rest);
  } while (!rest.empty());
  return arguments;
}

absl::StatusOr<std::string> ParseWithArgument(config::Flags& flags, const Words& words,
                                              const std::string& what) {
  const Words arguments = ParseWithWords(flags, words);
  if (arguments.empty()) return UsageError("name the " + what);
  if (arguments.size() > 1) {
    return UsageError("name one " + what + ", not " + std::to_string(arguments.size()) + ": \"" +
                      Printable(arguments[1]) + "\" is one too many");
  }
  return arguments[0];
}

}  // namespace invigil::cli
