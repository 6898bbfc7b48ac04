// The one list of rows. A subcommand's file defines its row; here it gets its place.
#include "services/cli/stats/subcommands.h"

#include "services/cli/stats/stats.h"

namespace invigil::cli::stats {

const std::vector<Subcommand>& Subcommands() {
  static const auto* rows = new std::vector<Subcommand>{
      Calibrate(), Ability(),  Analyze(),         Link(), IrtEquate(), Equate(),
      Dif(),       Classify(), StandardSetting(),
  };
  return *rows;
}

}  // namespace invigil::cli::stats
