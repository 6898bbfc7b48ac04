// The flag --quadrature of calibrate and ability.
#pragma once

#include "absl/status/statusor.h"
#include "services/cli/stats/arguments.h"
#include "services/scoring/domain/ability/quadrature.h"

namespace invigil::cli::stats {

inline FlagRow QuadratureFlag() {
  return {"quadrature", "N,LOW,HIGH", "How many nodes, and where they end.", "61,-6,6"};
}

// A usage error unless it is a whole count of 2 to 1001 and two ends.
absl::StatusOr<scoring::QuadratureSpec> ReadQuadrature(const Arguments& arguments);

}  // namespace invigil::cli::stats
