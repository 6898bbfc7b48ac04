// Those who watch rescorings: a thread looks at each watched one now and then and tells what moved.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/scoring/store/rescoring_store.h"

namespace invigil::scoring {

// Thread-safe. `store` outlives it.
class RescoringWatches {
 public:
  RescoringWatches(RescoringStore& store, Duration every);
  // Stops; nobody is told any more.
  ~RescoringWatches();

  // Called with the rescoring as it stands, or the error of reading it; on this object's thread.
  // Returns false when it wants to hear no more.
  using Told = std::function<bool(const absl::StatusOr<RescoringRecord>&)>;
  void Add(const std::string& rescoring_id, Told told);

 private:
  struct Watch {
    std::string rescoring_id;
    Told told;
  };
  void Loop();

  RescoringStore& store_;
  const Duration every_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Watch> added_;  // under mutex_
  bool stopping_ = false;     // under mutex_
  std::thread thread_;
};

}  // namespace invigil::scoring
