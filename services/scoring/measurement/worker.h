// The worker behind measurement: computes what was started and writes to the item bank what was
// accepted; goes on by itself after a restart, or where another replica died. One thread of its
// own, and as many as it is given for the arithmetic.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "services/scoring/measurement/bank.h"
#include "services/scoring/measurement/calibration.h"
#include "services/scoring/measurement/dataset.h"
#include "services/scoring/measurement/store.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/store/rescoring_store.h"
#include "services/scoring/store/score_store.h"

namespace invigil::scoring {

struct WorkerOptions {
  int threads = 1;                // of the arithmetic; no result depends on it
  Duration poll = Seconds(1);     // looks for work at least this often
  Duration lease = Seconds(10);   // whoever works keeps others away so long; renewed on the way
  Duration report = Millis(200);  // progress is stored at most this often
  std::string owner;              // names this replica; empty: made up
};

class MeasurementWorker {
 public:
  // What it is given outlives it.
  MeasurementWorker(MeasurementStore& store, RescoringStore& rescorings, ScoreStore& scores,
                    KeyRing& ring, StatisticsBank& bank, const Clock& clock,
                    WorkerOptions options = {});
  // Stops as soon as the step it is at is done; what was not finished is begun anew by the next.
  ~MeasurementWorker();
  MeasurementWorker(const MeasurementWorker&) = delete;
  // There is something to do. Any thread.
  void Kick();

 private:
  void Loop();
  bool Stopping();
  // What can be done on one piece of work now. Errors pass: it is tried again.
  absl::Status Work(const WorkRecord& record);
  absl::Status Compute(const WorkRecord& record);
  absl::Status Apply(const WorkRecord& record);
  Reporter ReporterFor(const WorkRecord& record);
  absl::Status Propose(const WorkRecord& record, const std::string& result,
                       const std::string& digest);
  absl::Status Fail(const WorkRecord& record, const absl::Status& why);

  MeasurementStore& store_;
  RescoringStore& rescorings_;
  ScoreStore& scores_;
  KeyRing& ring_;
  StatisticsBank& bank_;
  const Clock& clock_;
  const WorkerOptions options_;
  const std::string owner_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool kicked_ = false;    // under mutex_
  bool stopping_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace invigil::scoring
