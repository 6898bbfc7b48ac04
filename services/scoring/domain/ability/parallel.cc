#include "services/scoring/domain/ability/parallel.h"

#include <algorithm>

namespace invigil::scoring {

Workers::Workers(int threads, size_t most) {
  size_t wanted = threads > 0 ? static_cast<size_t>(threads) : std::thread::hardware_concurrency();
  wanted = std::clamp<size_t>(wanted, 1, std::max<size_t>(most, 1));
  for (size_t i = 1; i < wanted; ++i) threads_.emplace_back([this] { Serve(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  begun_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::Work(std::unique_lock<std::mutex>& lock) {
  while (next_ < blocks_) {
    const size_t block = next_++;
    ++running_;
    lock.unlock();
    (*body_)(block);
    lock.lock();
    --running_;
  }
  if (running_ == 0) ended_.notify_all();
}

void Workers::Serve() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    Work(lock);
    begun_.wait(lock, [this] { return stop_ || next_ < blocks_; });
  }
}

void Workers::ForEach(size_t blocks, const std::function<void(size_t block)>& body) {
  std::unique_lock lock(mutex_);
  body_ = &body;
  blocks_ = blocks;
  next_ = 0;
  if (blocks > 1) begun_.notify_all();
  Work(lock);
  ended_.wait(lock, [this] { return running_ == 0; });
}

void ForEachBlock(size_t blocks, int threads, const std::function<void(size_t block)>& body) {
  Workers(threads, blocks).ForEach(blocks, body);
}

}  // namespace invigil::scoring
