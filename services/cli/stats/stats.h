// `invigil stats`: the measurement library on files, without services. A subcommand is a row of
// subcommands.cc and a file with its function; CSV in, one JSON value or tables out.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/cli/stats/arguments.h"
#include "services/cli/stats/report.h"

namespace invigil::cli::stats {

struct Subcommand {
  std::string name;            // one word, dashes allowed
  std::string summary;         // one line of the list, no full stop
  std::string help;            // sentences for --help: what it reads, does and gives
  std::vector<FlagRow> flags;  // --json is added to all
  // Fills the report. Errors: data errors with a reason (exit code 1), UsageError (exit code 2).
  absl::Status (*run)(const Arguments& arguments, Report& report);
};

// All of them, in the order of the list.
const std::vector<Subcommand>& Subcommands();

// The words behind `invigil stats`; talks to stdout and stderr and returns the exit code.
int RunStats(const std::vector<std::string>& words, const std::vector<Subcommand>& subcommands);

}  // namespace invigil::cli::stats
