// Which suite a command talks to, and with which key it makes its tokens.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/config/flags.h"

namespace invigil::cli {

struct Settings {
  std::string gateway;  // HOST:PORT
  std::string key;      // private key file; empty: none known
  std::string source;   // the file they come from; empty: the command line alone
};

// Declares --gateway and --key. `given` outlives `flags`.
void DeclareSettings(config::Flags& flags, Settings* given);

// Where to look; a test brings its own.
struct Surroundings {
  std::string data;  // $INVIGIL_DATA
  std::string working_folder;
  std::string program_folder;
};
Surroundings ThisProcess();

// What was `given` wins. What is missing comes from $INVIGIL_DATA/cli.conf, else from the nearest
// .data/cli.conf in the working folder, its parents, and the parents of the program's folder (that
// is the repository). Errors: FAILED_PRECONDITION SUITE_NOT_FOUND, SETTINGS_INVALID.
absl::StatusOr<Settings> FindSettings(const Settings& given, const Surroundings& around);

// Reads lines `gateway = HOST:PORT` and `key = FILE`; a relative FILE is relative to `folder`.
absl::StatusOr<Settings> ParseSettings(std::string_view text, const std::string& folder,
                                       const std::string& path);

}  // namespace invigil::cli
