// Those who watch a piece of work: a thread looks at each watched one now and then and tells how it
// stands.
#pragma once

#include <condition_variable>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"

namespace invigil::scoring {

// Thread-safe. What `read` needs outlives it.
template <typename Record>
class Watches {
 public:
  // Reads one piece of work; on this object's thread.
  using Read = std::function<absl::StatusOr<Record>(const std::string& id)>;
  // Called with the work as it stands, or the error of reading it; on this object's thread. Returns
  // false when it wants to hear no more.
  using Told = std::function<bool(const absl::StatusOr<Record>&)>;

  Watches(Read read, Duration every)
      : read_(std::move(read)), every_(every), thread_([this] { Loop(); }) {}
  // Stops; nobody is told any more.
  ~Watches() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  void Add(const std::string& id, Told told) {
    {
      const std::lock_guard lock(mutex_);
      added_.push_back({id, std::move(told)});
    }
    wake_.notify_all();
  }

 private:
  struct Watch {
    std::string id;
    Told told;
  };

  void Loop() {
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
      std::map<std::string, absl::StatusOr<Record>> read;  // each once
      std::erase_if(watches, [&](Watch& watch) {
        auto known = read.find(watch.id);
        if (known == read.end()) known = read.emplace(watch.id, read_(watch.id)).first;
        return !watch.told(known->second);
      });
    }
  }

  const Read read_;
  const Duration every_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Watch> added_;  // under mutex_
  bool stopping_ = false;     // under mutex_
  std::thread thread_;
};

}  // namespace invigil::scoring
