// How far a long command is, on stderr.
#pragma once

#include <mutex>
#include <string>

#include "common/base/clock.h"

namespace invigil::cli {

// A bar that is redrawn when stderr is a terminal, else one line every ten per cent. Thread-safe.
class Progress {
 public:
  // `clock` outlives this.
  Progress(std::string what, int total, const Clock& clock);
  ~Progress();
  // `failed` tells whether the step just done went wrong.
  void Step(bool failed);

 private:
  void Draw();  // with mutex_ held

  const std::string what_;
  const int total_;
  const Clock& clock_;
  const bool terminal_;
  const Duration begin_;
  std::mutex mutex_;  // guards the rest
  int done_ = 0;
  int failed_ = 0;
  Duration drawn_ = Duration(0);
};

}  // namespace invigil::cli
