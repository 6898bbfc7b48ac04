// Those who watch calibrations: a thread looks at each watched one now and then and tells how it
// stands.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/scoring/measurement/store.h"

namespace invigil::scoring {

// Thread-safe. `store` outlives it.
class CalibrationWatches {
 public:
  CalibrationWatches(MeasurementStore& store, Duration every);
  // Stops; nobody is told any more.
  ~CalibrationWatches();

  // Called with the calibration as it stands, or the error of reading it; on this object's thread.
  // Returns false when it wants to hear no more.
  using Told = std::function<bool(const absl::StatusOr<WorkRecord>&)>;
  void Add(const std::string& calibration_id, Told told);

 private:
  struct Watch {
    std::string id;
    Told told;
  };
  void Loop();

  MeasurementStore& store_;
  const Duration every_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Watch> added_;  // under mutex_
  bool stopping_ = false;     // under mutex_
  std::thread thread_;
};

}  // namespace invigil::scoring
