#include "services/cli/simulate/meter.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/error/error.h"

namespace invigil::cli {

const char* CallName(CallKind kind) {
  switch (kind) {
    case CallKind::kStart:
      return "start";
    case CallKind::kSave:
      return "save";
    case CallKind::kSubmit:
      return "submit";
    case CallKind::kReport:
      return "report";
    case CallKind::kMove:
      return "move";
  }
  return "";
}

void Meter::Call(CallKind kind, Duration took) {
  const std::lock_guard lock(mutex_);
  measured_.latency_ms[static_cast<size_t>(kind)].push_back(static_cast<double>(took.count()) /
                                                            1000);
}

void Meter::Responses(size_t count) {
  const std::lock_guard lock(mutex_);
  measured_.responses += static_cast<int64_t>(count);
}

void Meter::Retried(const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  ++measured_.retried[ReasonOrCode(status)];
}

Measurements Meter::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(measured_, {});
}

std::string ReasonOrCode(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason.empty() ? absl::StatusCodeToString(status.code()) : reason;
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  const size_t index = std::clamp<size_t>(rank, 1, values.size()) - 1;
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(index), values.end());
  return values[index];
}

}  // namespace invigil::cli
