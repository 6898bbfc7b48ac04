#include "services/scoring/rpc/rescoring_watch.h"

#include <iterator>
#include <utility>

namespace invigil::scoring {

RescoringWatches::RescoringWatches(RescoringStore& store, Duration every)
    : store_(store), every_(every), thread_([this] { Loop(); }) {}

RescoringWatches::~RescoringWatches() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void RescoringWatches::Add(const std::string& rescoring_id, Told told) {
  {
    const std::lock_guard lock(mutex_);
    added_.push_back({rescoring_id, std::move(told)});
  }
  wake_.notify_all();
}

void RescoringWatches::Loop() {
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
    std::map<std::string, absl::StatusOr<RescoringRecord>> read;  // each once
    std::erase_if(watches, [&](Watch& watch) {
      auto known = read.find(watch.rescoring_id);
      if (known == read.end()) {
        known = read.emplace(watch.rescoring_id, store_.GetRescoring(watch.rescoring_id)).first;
      }
      return !watch.told(known->second);
    });
  }
}

}  // namespace invigil::scoring
