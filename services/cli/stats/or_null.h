// Values that may be missing, as JSON has them.
#pragma once

#include <optional>

#include "services/cli/stats/report.h"

namespace invigil::cli::stats {

// null when unset; the subcommand adds a field that says why.
inline Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

}  // namespace invigil::cli::stats
