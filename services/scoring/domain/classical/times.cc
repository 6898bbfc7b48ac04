#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "services/scoring/domain/classical/analysis.h"

namespace invigil::scoring::classical {
namespace {

// Linear interpolation between order statistics (type 7 of Hyndman & Fan 1996).
double Quantile(const std::vector<double>& sorted, double p) {
  const double at = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[below + 1] - sorted[below]);
}

}  // namespace

absl::StatusOr<TimeSummary> SummarizeTimes(std::span<const double> seconds) {
  std::vector<double> times;
  TimeSummary summary;
  for (size_t i = 0; i < seconds.size(); ++i) {
    if (std::isnan(seconds[i])) continue;
    if (!std::isfinite(seconds[i]) || seconds[i] < 0) {
      return InvalidArgument("TIME_INVALID", absl::StrCat("person ", i + 1, " took ", seconds[i],
                                                          " seconds; times are finite and not "
                                                          "negative, empty where there is none"));
    }
    times.push_back(seconds[i]);
    summary.mean += seconds[i];
  }
  if (times.empty()) {
    return InvalidArgument("TIMES_EMPTY", "no person has a time; leave the times out");
  }
  std::sort(times.begin(), times.end());
  summary.count = times.size();
  summary.mean /= static_cast<double>(times.size());
  summary.median = Quantile(times, 0.5);
  summary.lower_quartile = Quantile(times, 0.25);
  summary.upper_quartile = Quantile(times, 0.75);
  const double threshold = std::min(10.0, 0.1 * summary.mean);
  const auto rapid = std::lower_bound(times.begin(), times.end(), threshold) - times.begin();
  summary.rapid_share = static_cast<double>(rapid) / static_cast<double>(times.size());
  return summary;
}

}  // namespace invigil::scoring::classical
