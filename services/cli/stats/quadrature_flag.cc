#include "services/cli/stats/quadrature_flag.h"

#include <cmath>

#include "services/cli/core/failure.h"

namespace invigil::cli::stats {

absl::StatusOr<scoring::QuadratureSpec> ReadQuadrature(const Arguments& arguments) {
  const auto values = arguments.Reals("quadrature", 3);
  if (!values.ok()) return values.status();
  const double count = (*values)[0], low = (*values)[1], high = (*values)[2];
  if (count != std::floor(count) || count < 2 || count > 1001 || !(low < high)) {
    return UsageError("--quadrature wants COUNT,LOW,HIGH with a COUNT of 2 to 1001, not \"" +
                      arguments.Text("quadrature") + "\"");
  }
  return scoring::QuadratureSpec{static_cast<int>(count), low, high};
}

}  // namespace invigil::cli::stats
