// News on their way from the courier's threads to the screen's.
#pragma once

#include <mutex>
#include <vector>

#include "services/cli/take/news.h"

namespace invigil::cli::take {

// Thread-safe. `fd` becomes readable when there are news and is emptied by TakeAll.
class NewsQueue {
 public:
  NewsQueue();
  ~NewsQueue();
  NewsQueue(const NewsQueue&) = delete;
  NewsQueue& operator=(const NewsQueue&) = delete;

  void Put(News news);
  std::vector<News> TakeAll();
  int fd() const { return fd_; }

 private:
  const int fd_;
  std::mutex mutex_;  // guards news_
  std::vector<News> news_;
};

}  // namespace invigil::cli::take
