// What a simulation measures while it runs.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/time.h"

namespace invigil::cli {

enum class CallKind { kStart, kSave, kSubmit, kReport, kMove };
constexpr size_t kCallKinds = 5;
const char* CallName(CallKind kind);

struct Measurements {
  std::array<std::vector<double>, kCallKinds> latency_ms;  // of calls that succeeded
  int64_t responses = 0;                                   // stored, over all saves
  std::map<std::string, int64_t> retried;                  // by reason
};

// Thread-safe.
class Meter {
 public:
  void Call(CallKind kind, Duration took);
  void Responses(size_t count);
  void Retried(const absl::Status& status);
  Measurements Take();

 private:
  std::mutex mutex_;  // guards the rest
  Measurements measured_;
};

// Our reason, or the canonical code's name when there is none.
std::string ReasonOrCode(const absl::Status& status);

// Nearest rank; 0 when there are none. `share` in (0, 1].
double Percentile(std::vector<double> values, double share);

}  // namespace invigil::cli
