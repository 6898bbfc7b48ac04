// What a committed batch owes to others: answers to those who asked, news for those who watch.
// Given out on a thread of its own, while the writer is at the next batch: the writer mostly waits
// for the disk, and finishing a call costs as much processor time as storing it.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "services/session/engine/job.h"

namespace invigil::session {

struct Answers {
  std::vector<Job> jobs;                    // every result is set
  std::vector<std::function<void()>> news;  // hooks and listeners, after the answers
};

// One batch is being given out and at most one waits; then the writer waits too, so that what is
// unanswered stays bounded. The order of batches is kept.
class Answerer {
 public:
  Answerer() : thread_([this] { Run(); }) {}
  // Stops.
  ~Answerer() { Stop(); }

  // The writer's: until a batch may be put.
  void WaitForRoom();
  void Put(Answers answers);
  // Gives out what was put, then ends. Safe to call twice.
  void Stop();

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Answers> waiting_;  // under mutex_
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace invigil::session
