#include "services/cli/take/news_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace invigil::cli::take {

NewsQueue::NewsQueue() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) std::abort();
}

NewsQueue::~NewsQueue() { close(fd_); }

void NewsQueue::Put(News news) {
  {
    const std::lock_guard lock(mutex_);
    news_.push_back(std::move(news));
  }
  eventfd_write(fd_, 1);
}

std::vector<News> NewsQueue::TakeAll() {
  eventfd_t count;
  eventfd_read(fd_, &count);
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

}  // namespace invigil::cli::take
