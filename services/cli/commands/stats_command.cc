#include "services/cli/commands/commands.h"
#include "services/cli/stats/stats.h"

namespace invigil::cli {

int StatsCommand(const Words& words) { return stats::RunStats(words, stats::Subcommands()); }

}  // namespace invigil::cli
