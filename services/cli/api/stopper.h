// How a stream is ended.
#pragma once

#include <functional>
#include <mutex>

namespace invigil::cli {

// Ends a running stream from another thread. Thread-safe; outlives the call it is given to.
class Stopper {
 public:
  void Stop();
  bool stopped() const;

 private:
  friend class StopScope;
  mutable std::mutex mutex_;  // guards the rest
  bool stopped_ = false;
  std::function<void()> on_stop_;
};

// Runs `on_stop` when the stopper stops (at once if it has), as long as this lives.
class StopScope {
 public:
  StopScope(Stopper& stopper, std::function<void()> on_stop);
  ~StopScope();
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

 private:
  Stopper& stopper_;
};

}  // namespace invigil::cli
