#include "common/log/output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace invigil::log {
namespace {

constexpr size_t kPiece = 64 * 1024;
constexpr int kStuckMs = 1000;

}  // namespace

Output::Output() : fd_(STDERR_FILENO) {}

Output::~Output() { Close(); }

std::string Output::Open(const std::string& path) {
  // Appending, so that replicas may share a file and a rotation may copy and truncate it.
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0) return std::strerror(errno);
  Close();
  fd_ = fd;
  return "";
}

void Output::Close() {
  Flush();
  if (fd_ != STDERR_FILENO) close(fd_);
  fd_ = STDERR_FILENO;
}

void Output::Add(std::string_view line) {
  pending_.append(line);
  pending_ += '\n';
  if (pending_.size() >= kPiece) Flush();
}

void Output::Flush() {
  std::string_view left = pending_;
  while (!left.empty()) {
    const ssize_t written = write(fd_, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      pollfd ready{fd_, POLLOUT, 0};
      if (poll(&ready, 1, kStuckMs) > 0 && (ready.revents & POLLOUT)) continue;
    }
    lost_ += static_cast<uint64_t>(std::count(left.begin(), left.end(), '\n'));
    break;
  }
  pending_.clear();
}

uint64_t Output::TakeLost() { return std::exchange(lost_, 0); }

}  // namespace invigil::log
