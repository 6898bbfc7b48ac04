// Threads for work that blocks, so that no gRPC reaction does.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace invigil::rpc {

// A bounded queue before a few threads. When it is full TryRun says so at once and the caller
// answers RESOURCE_EXHAUSTED. Thread-safe.
class Executor {
 public:
  // `name` goes into the metrics invigil_executor_queue_depth and _refused_total.
  Executor(std::string name, int threads, size_t capacity);
  // Runs what is queued, then stops.
  ~Executor();
  // false: full or stopping; `work` was not taken.
  bool TryRun(std::function<void()> work);
  void Stop();

 private:
  void Loop();
  const std::string name_;
  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

class UnaryCall;
// Runs `work`, or finishes `call` with RESOURCE_EXHAUSTED (OVERLOADED). `work` finishes the call
// itself.
void RunOrRefuse(Executor& executor, UnaryCall* call, std::function<void()> work);

}  // namespace invigil::rpc
