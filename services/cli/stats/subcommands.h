// The rows of subcommands.cc, each defined in a file named after it.
#pragma once

#include "services/cli/stats/stats.h"

namespace invigil::cli::stats {

Subcommand Ability();
Subcommand Calibrate();
Subcommand Analyze();
Subcommand Classify();
Subcommand Dif();
Subcommand Equate();
Subcommand IrtEquate();
Subcommand Link();
Subcommand StandardSetting();

}  // namespace invigil::cli::stats
