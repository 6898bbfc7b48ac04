#include "services/scoring/measurement/rpc/measurement_watch.h"

#include <iterator>
#include <map>
#include <utility>

namespace invigil::scoring {

CalibrationWatches::CalibrationWatches(MeasurementStore& store, Duration every)
    : store_(store), every_(every), thread_([this] { Loop(); }) {}

CalibrationWatches::~CalibrationWatches() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void CalibrationWatches::Add(const std::string& calibration_id, Told told) {
  {
    const std::lock_guard lock(mutex_);
    added_.push_back({calibration_id, std::move(told)});
  }
  wake_.notify_all();
}

void CalibrationWatches::Loop() {
  std::vector<Watch> watches;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto news = [this] { return stopping_ || !added_.empty(); };
      if (watches.empty()) {
        wake_.wait(lock, news);
      } else {
        wake_.wait_for(lock, every_, news);
      }
      if (stopping_) return;
      std::move(added_.begin(), added_.end(), std::back_inserter(watches));
      added_.clear();
    }
    std::map<std::string, absl::StatusOr<WorkRecord>> read;  // each once
    std::erase_if(watches, [&](Watch& watch) {
      auto known = read.find(watch.id);
      if (known == read.end()) {
        known = read.emplace(watch.id, store_.Get(WorkKind::kCalibration, watch.id)).first;
      }
      return !watch.told(known->second);
    });
  }
}

}  // namespace invigil::scoring
