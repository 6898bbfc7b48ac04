#include "services/cli/api/stopper.h"

#include <utility>

namespace invigil::cli {

void Stopper::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  if (on_stop_) on_stop_();
}

bool Stopper::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

StopScope::StopScope(Stopper& stopper, std::function<void()> on_stop) : stopper_(stopper) {
  const std::lock_guard lock(stopper_.mutex_);
  if (stopper_.stopped_) on_stop();
  stopper_.on_stop_ = std::move(on_stop);
}

StopScope::~StopScope() {
  const std::lock_guard lock(stopper_.mutex_);
  stopper_.on_stop_ = nullptr;
}

}  // namespace invigil::cli
