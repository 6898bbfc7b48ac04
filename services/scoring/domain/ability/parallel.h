// Work in fixed blocks on several threads. What is computed does not depend on how many there are:
// each block writes results of its own, and the caller puts them together in block order.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace invigil::scoring {

// Threads kept for many rounds of blocks. The calling thread works along and waits only for blocks
// that were begun, never for a thread that the machine has not let run yet. One caller at a time.
class Workers {
 public:
  // `threads` counts the caller; 0: as many as the machine has, and never more than `most`.
  Workers(int threads, size_t most);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Calls body(block) once for every block below `blocks`; returns when all are done. `body` must
  // not throw.
  void ForEach(size_t blocks, const std::function<void(size_t block)>& body);

 private:
  void Serve();
  // Takes and runs blocks of the present round until none is left. `lock` is held on both ends.
  void Work(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable begun_, ended_;
  const std::function<void(size_t)>* body_ = nullptr;  // of the present round
  size_t blocks_ = 0, next_ = 0, running_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

// One round with threads of its own.
void ForEachBlock(size_t blocks, int threads, const std::function<void(size_t block)>& body);

}  // namespace invigil::scoring
