#include "services/scoring/domain/ability/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace invigil::scoring {

void ForEachBlock(size_t blocks, int threads, const std::function<void(size_t block)>& body) {
  size_t wanted = threads > 0 ? static_cast<size_t>(threads) : std::thread::hardware_concurrency();
  wanted = std::clamp<size_t>(wanted, 1, std::max<size_t>(blocks, 1));
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t block = next++; block < blocks; block = next++) body(block);
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < wanted; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
}

}  // namespace invigil::scoring
