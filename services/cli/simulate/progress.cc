#include "services/cli/simulate/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

constexpr int kBarWidth = 30;
constexpr Duration kRedraw = Millis(100);

}  // namespace

Progress::Progress(std::string what, int total, const Clock& clock)
    : what_(std::move(what)),
      total_(total),
      clock_(clock),
      terminal_(isatty(STDERR_FILENO) != 0),
      begin_(clock.Monotonic()) {
  const std::lock_guard lock(mutex_);
  if (terminal_) Draw();
}

Progress::~Progress() {
  if (terminal_) std::fputs("\r\x1b[K", stderr);
}

void Progress::Step(bool failed) {
  const std::lock_guard lock(mutex_);
  const int before = 10 * done_ / total_;
  ++done_;
  failed_ += failed ? 1 : 0;
  const Duration now = clock_.Monotonic();
  if (terminal_) {
    if (done_ == total_ || now - drawn_ >= kRedraw) Draw();
  } else if (10 * done_ / total_ != before && total_ >= 10) {
    std::fprintf(stderr, "%s: %d of %d%s\n", what_.c_str(), done_, total_,
                 failed_ == 0 ? "" : (", " + std::to_string(failed_) + " failed").c_str());
  }
}

void Progress::Draw() {
  drawn_ = clock_.Monotonic();
  const int filled = kBarWidth * done_ / total_;
  const Duration took = drawn_ - begin_;
  std::string left = "";
  if (done_ > 0 && done_ < total_) {
    left = ", " + ClockText(took.count() / done_ * (total_ - done_)) + " left";
  }
  std::fprintf(stderr, "\r\x1b[K%s [%s%s] %d/%d%s%s", what_.c_str(),
               std::string(static_cast<size_t>(filled), '#').c_str(),
               std::string(static_cast<size_t>(kBarWidth - filled), '.').c_str(), done_, total_,
               left.c_str(),
               failed_ == 0 ? "" : (", " + std::to_string(failed_) + " failed").c_str());
  std::fflush(stderr);
}

}  // namespace invigil::cli
