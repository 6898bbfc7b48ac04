#include "common/rpc/executor.h"

#include "common/error/error.h"
#include "common/rpc/unary.h"
#include "common/telemetry/metrics.h"

namespace invigil::rpc {

Executor::Executor(std::string name, int threads, size_t capacity)
    : name_(std::move(name)), capacity_(capacity) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

Executor::~Executor() { Stop(); }

void Executor::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool Executor::TryRun(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= capacity_) {
      telemetry::GetCounter("invigil_executor_refused_total",
                            "Work refused because the queue was full.", {{"executor", name_}})
          .Add();
      return false;
    }
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void Executor::Loop() {
  telemetry::Gauge& depth = telemetry::GetGauge(
      "invigil_executor_queue_depth", "Work waiting for a thread.", {{"executor", name_}});
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
      depth.Set(static_cast<double>(queue_.size()));
    }
    work();
  }
}

void RunOrRefuse(Executor& executor, UnaryCall* call, std::function<void()> work) {
  if (executor.TryRun(std::move(work))) return;
  call->Finish(ResourceExhausted("OVERLOADED", "too much is waiting here; try again shortly"));
}

}  // namespace invigil::rpc
