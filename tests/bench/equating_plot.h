// The errors of equating methods drawn as SVG.
#pragma once

#include <string>
#include <vector>

namespace invigil::bench {

struct ErrorCurve {
  std::string name;
  std::vector<double> rmse;  // by raw score
  double coverage = 0;       // of the stated 95 % intervals at the cut
  bool recommended = false;
};

// Left the root mean square error along the scale, with the half point and the cut; right the
// coverage at the cut with its 95 % sampling interval. False when the file can't be written.
bool DrawErrors(const std::vector<ErrorCurve>& curves, size_t cut, int replications,
                const std::string& path);

}  // namespace invigil::bench
