// How many seals one batch may have, so that a save that comes while it runs waits about as long
// for them as it waits for the disk anyway.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "common/base/time.h"

namespace invigil::session {

// Used by the writer alone. Durations are smoothed over some ten batches.
class SealPace {
 public:
  // `most`: of one batch.
  explicit SealPace(size_t most) : most_(most) {}

  // After a batch of `jobs` that took so long to decide and so long to commit, both counted from
  // its beginning. `waiting`: seals that are left for the next.
  void Ran(size_t jobs, Duration decided, Duration committed, size_t waiting, Duration now) {
    const auto smooth = [](double& kept, double value) {
      kept = kept == 0 ? value : kept + (value - kept) / 8;
    };
    smooth(a_job_, static_cast<double>(decided.count()) / static_cast<double>(jobs));
    smooth(a_commit_, static_cast<double>((committed - decided).count()));
    // Counted from the first batch that left some over, not from the last that left none: between
    // the two nothing may have happened for hours.
    if (waiting == 0) {
      since_.reset();
    } else if (!since_) {
      since_ = now;
    }
    late_ = since_ && now - *since_ > kPatience;
  }

  size_t Quota() const {
    if (a_job_ <= 0) return std::min(most_, kFirst);
    const double seals = a_commit_ / a_job_ * (late_ ? 4 : 1);
    return std::min(most_, std::max(kLeast, static_cast<size_t>(std::min(seals, 1e6))));
  }

 private:
  // Less is not worth a commit.
  static constexpr size_t kFirst = 32, kLeast = 16;
  // A promise is broken after two seconds; then seals come first for a change.
  static constexpr Duration kPatience = Millis(1500);

  const size_t most_;
  double a_job_ = 0, a_commit_ = 0;  // microseconds
  std::optional<Duration> since_;    // since when some have always been left over
  bool late_ = false;
};

}  // namespace invigil::session
